"""A process that guesses ten times at one account from one address, and says what counted."""

from server.errors import TooManyAttempts
from server.services.accounts import guesses

LIMITS = [guesses.Limit("email:a", 10), guesses.Limit("address:b", 99)]


def main() -> None:
    for _ in range(10):
        try:
            guesses.count(LIMITS)
        except TooManyAttempts:
            continue
        print("counted")  # noqa: T201


if __name__ == "__main__":
    main()
