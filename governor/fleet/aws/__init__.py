"""AWS as the fleet's tools read and change it."""
