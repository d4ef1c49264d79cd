"""The client people use offline and then, unchanged, at Amazon Bedrock: check, deploy, train, watch, compare, chat.

Which of the two it talks to is one row of the table in `client.target`, chosen by `RFT_TARGET`. Nothing here knows the
simulator: the two meet at HTTP.
"""
