"""One command that shows all of it at work, on AWS's own runtime and on this machine only."""
