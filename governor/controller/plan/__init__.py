"""What the controller decides, and why. No module in here does any I/O.

`plan` is a function of the policy, a snapshot and the memory of earlier cycles; `restore_all` is
the plan that undoes everything.
"""

from governor.controller.plan.budget import Budget
from governor.controller.plan.confirm import Confirmation, State
from governor.controller.plan.planning import Plan, plan
from governor.controller.plan.restoring import restore_all

__all__ = ["Budget", "Confirmation", "Plan", "State", "plan", "restore_all"]
