"""What the doctor's rules find, and nearby what they don't: a module for each subject."""
