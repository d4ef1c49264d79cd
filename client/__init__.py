"""The command line `rft`: check, deploy, train, watch, compare, chat, at the simulator or at Amazon Bedrock.

`RFT_TARGET` chooses between the two rows of `client.target.TARGETS`. No module here imports the simulator: the client
reaches both targets over HTTP.
"""
