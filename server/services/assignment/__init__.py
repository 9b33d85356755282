"""Who labels what next: leases, pages of sweeps, their order, and what a form starts from."""
