"""The shapes of requests and answers, in one module for each module of handlers.

They validate, and the API's description is made of them.
"""
