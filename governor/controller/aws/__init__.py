"""The controller's edge to AWS, the only place of it that knows boto3: observe and apply.

`account.AwsAccount` is the way in. `calls` makes every call: counted, under a budget, failures
told.
"""
