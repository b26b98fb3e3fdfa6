"""What is wrong with an account and a policy, and what to do about it. Pure.

A module for each subject, in it a function for each rule: from what was read to findings. Each
names the document that it goes by.
"""
