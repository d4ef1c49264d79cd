"""The right answers of a file whose references are no answers: targets, tests, schemas, rubrics, other names.

answer_kinds       decides which references are answers, and which are only evaluation criteria
answer_source      a way to get a right answer from a record
record_fields      the values of a record, with their positions
worked_answers     fields with a worked answer, code or SQL
aliases            lists of which every element is right
choices            the index of the right choice
countdown          an equation of the given numbers
unit_tests         a program that returns what the tests expect
expected_rows      an SQL query that returns the expected rows
given_answers      answers that the user gives: --solution and --right
recorded_answers   the recorded responses that score most
right_answers      which source each record uses
answer_search      tries the sources: a candidate is accepted by its scores
"""
