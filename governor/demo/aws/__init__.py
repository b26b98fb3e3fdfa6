"""An AWS account on this machine: moto, and what AWS does and moto does not."""
