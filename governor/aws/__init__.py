"""AWS as the governor calls it: access, calls that are counted, failures as classes.

What is asked of it and why is the business of whoever calls: the controller, the fleet's tools.
"""
