"""What gensim calls while it trains."""

from __future__ import annotations

from typing import Any


class CallbackAny2Vec:
    """A base for callbacks: override what you want to be called.

    Each method gets the model that is trained. While it runs, nothing is trained, and `model.wv` has the vectors as
    they are then. As in gensim 4, there are no calls for batches.
    """

    def on_train_begin(self, model: Any) -> None:
        """Run before the first epoch."""

    def on_epoch_begin(self, model: Any) -> None:
        """Run before each epoch."""

    def on_epoch_end(self, model: Any) -> None:
        """Run after each epoch."""

    def on_train_end(self, model: Any) -> None:
        """Run after the last epoch."""
