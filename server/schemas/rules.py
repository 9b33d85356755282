"""Rules of a project: what is published, and what is shown of it."""

from collections import Counter
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from server.models import RulesPicture, RulesReading, RulesVersion, User
from server.schemas.common import DatabaseId, In, Out, safe_text
from server.schemas.project import MAX_CATEGORIES, CategoryName
from trainer.contract.names import comparable

LONGEST_TEXT = 10_000
LONGEST_RULES = 300_000
"""Characters of all texts of a version together."""
MOST_PICTURES = 8
"""Of one section."""


def _plain(text: object) -> object:
    """With one kind of line end, and spaces for tabs."""
    if not isinstance(text, str):
        return text
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ").strip("\n")


Text = Annotated[str, BeforeValidator(_plain), AfterValidator(safe_text)]


class ShownPictureIn(In):
    id: DatabaseId
    """Of a picture that was uploaded to this project."""
    caption: Annotated[Text, Field(max_length=300)] = ""


class SectionIn(In):
    category: CategoryName | None = None
    """Null: of the project as a whole."""
    text: Annotated[Text, Field(max_length=LONGEST_TEXT)] = ""
    """Markdown; HTML in it is shown as the text that it is."""
    pictures: list[ShownPictureIn] = Field(default=[], max_length=MOST_PICTURES)

    @property
    def is_empty(self) -> bool:
        return not (self.text.strip() or self.pictures)


class RulesIn(In):
    based_on: int = Field(ge=0, le=2**31 - 1)
    """The version that was there when these were written; 0 where there was none."""
    sections: list[SectionIn] = Field(max_length=MAX_CATEGORIES + 1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = Counter(each.category and comparable(each.category) for each in self.sections)
        if twice := [name for name, count in names.items() if count > 1]:
            raise ValueError(f"sections: {twice[0] or 'that of the project'!r} is there twice")
        if sum(len(each.text) for each in self.sections) > LONGEST_RULES:
            raise ValueError(f"sections: longer than {LONGEST_RULES:,} characters together")
        return self


class RulesPictureOut(Out):
    id: int
    width: int
    height: int
    url: str

    @classmethod
    def of(cls, picture: RulesPicture) -> Self:
        """A picture with its address."""
        path = f"/api/v1/projects/{picture.project_id}/rules/pictures/{picture.id}"
        return cls.from_row(picture, url=path)


class ShownPictureOut(Out):
    caption: str
    picture: RulesPictureOut | None
    """Null where it was deleted."""


class SectionOut(Out):
    category: str | None
    """As it is called now; null: of the project as a whole."""
    category_id: int | None
    text: str
    pictures: list[ShownPictureOut]


class RulesVersionOut(Out):
    version: int
    created_at: datetime | None
    author: str | None
    """For leads; to others null."""


class RulesOut(RulesVersionOut):
    """One version; 0, with nothing in it, where no rules were published."""

    seen: bool
    """Whether the caller was shown this version."""
    sections: list[SectionOut]


class RulesSeen(In):
    version: int = Field(ge=1, le=2**31 - 1)


class RulesReaderOut(Out):
    """Somebody who was shown rules, the newest version that they were."""

    user_id: int
    email: str
    version: int
    seen_at: datetime

    @classmethod
    def of(cls, reading: RulesReading, version: RulesVersion, user: User) -> Self:
        """A person and what they were shown."""
        return cls.from_row(reading, email=user.email, version=version.version)
