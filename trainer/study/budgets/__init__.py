"""Studies without people: what each kind of label, and each order of work, is worth at equal seconds.

Simulated annotators label within budgets, every budget trains, and a page says how to spend the time.
"""
