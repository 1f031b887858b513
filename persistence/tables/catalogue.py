"""The words that courses are named by (0013)."""

from sqlalchemy import Computed, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from persistence.models import Base


class CatalogueWord(Base):
    """A word of a course's title or of its instructor's name, in plain letters. Two words of which one has a slip share one
    of the `variants`: the word itself, and the word without each of its letters."""

    __tablename__ = "catalogue_words"
    __table_args__ = (Index("ix_catalogue_words_variants", "variants", postgresql_using="gin"),)

    word: Mapped[str] = mapped_column(Text, primary_key=True)
    variants: Mapped[list[str]] = mapped_column(ARRAY(Text), Computed("word_variants(word)", persisted=True))
