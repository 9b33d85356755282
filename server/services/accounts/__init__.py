"""Accounts, and by what people and programs are let in: passwords, sessions, tokens."""
