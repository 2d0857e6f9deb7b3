"""What `w2v train` says on stderr while a run goes on."""

from __future__ import annotations

from contextlib import AbstractContextManager

from w2v_cli.cli.progress import ProgressLine, duration
from w2v_cli.cli.signals import Stop
from w2v_cli.compute.jit import WHY_NOT_COMPILED
from w2v_cli.config import LEAST_SUBSAMPLED, LONG_RUN_EPOCHS
from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.training.memory import size_text
from w2v_cli.training.run import Observer
from w2v_cli.training.state import LossPoint, Progress
from w2v_cli.training.trainer import Trainer

# If more than this share of the tokens end in punctuation, the text is probably raw prose.
UNTOKENISED_SHARE = 0.05


class Narrator(Observer):
    """Prints remarks and progress on stderr.

    Parameters
    ----------
    task : what is said when the options have been checked, and before the text is read.

    Attributes
    ----------
    losses : those that were measured, each with the number of words before it.
    """

    def __init__(self, show: ProgressLine, stop: Stop, verbose: bool, task: str) -> None:
        self.show = show
        self.verbose = verbose
        self.losses: list[tuple[int, float]] = []
        self._stop, self._task = stop, task

    def reads(self) -> None:
        """Say what the run does."""
        self.show.say(self._task)

    def compiling(self) -> AbstractContextManager[None]:
        """Return a context within which compiling is announced."""
        return self.show.compiling()

    def corpus(self, phase: str, done: int, total: int | None) -> None:
        """Show a pass over the corpus."""
        self.show.corpus(phase, done, total)

    def encoded(self, corpus: EncodedCorpus, text: TextOptions) -> None:
        """Say how much text there is, and whether it looks like raw prose."""
        words, held_out = len(corpus.vocabulary), corpus.held_out
        self.show.say(f"{words:,} words; {corpus.token_count:,} of {corpus.raw_token_count:,} tokens kept")
        if held_out is not None:
            measured = len(held_out.ids)
            some = "" if measured == held_out.token_count else f"; {measured:,} of them are measured"
            unknown = f"{held_out.unknown:,} of other words are left out"
            self.show.say(f"Held out: {held_out.token_count:,} tokens of these words, {unknown}{some}")
        if text.tokenize == "whitespace" and corpus.untokenised_share > UNTOKENISED_SHARE:
            self.show.say(
                f"Hint: {corpus.untokenised_share:.0%} of the tokens end in punctuation; "
                "for raw prose use --tokenize words"
            )

    def ready(self, trainer: Trainer, estimated_seconds: float) -> None:
        """Say what the training takes. From now on, a signal lets the run finish what it has begun."""
        self._stop.working = True
        config, corpus = trainer.config, trainer.corpus
        if WHY_NOT_COMPILED is not None and config.engine == "auto":
            self.show.say(f"{WHY_NOT_COMPILED}: training with the numpy engine, which is slow")
        if trainer.engine == "reference" and config.loss != "softmax" and (config.threads or 1) > 1:
            self.show.say("The numpy engine trains with one thread; --threads only speeds up the reading")
        memory, tables = size_text(trainer.estimate_peak()), size_text(trainer.parameters.nbytes)
        several = trainer.cluster is not None and trainer.cluster.replicas > 1
        each = "Each replica takes" if several else "Takes"
        self.show.say(f"{each} about {memory} of memory, {tables} of it for the parameters")
        self._say_choices(trainer)
        if config.epochs == 0:
            self.show.say("--epochs 0: nothing is trained; the model is what training would start from")
            return
        estimate = duration(estimated_seconds)
        self.show.say(f"Training {config.epochs} × {corpus.token_count:,} tokens takes about {estimate}")

    def _say_choices(self, trainer: Trainer) -> None:
        """Name the choices that depend on the text; with -v, all others too."""
        config, corpus, schedule = trainer.config, trainer.corpus, trainer.schedule
        if self.verbose:
            self.show.say(f"Text sha256 {corpus.fingerprint}")
            self.show.say(f"Engine {trainer.engine}, {trainer.workers} workers; {config}")
            self.show.say(f"Learning rate {schedule.rate.start:g} to {schedule.rate.end:g}")
        if config.subsample and corpus.vocabulary.text_counts.sum() < LEAST_SUBSAMPLED:
            self.show.say(f"Not subsampled: the text has fewer than {LEAST_SUBSAMPLED:,} words")
        if trainer.known_rate < 1:
            self.show.say(
                f"Learning rate {schedule.rate.start:.2g}, and {trainer.known_rate:g} of it for the words of the model,"
                " so that what was learnt stays (--alpha sets one for all)"
            )
        elif schedule.rate.start < config.alpha_start:
            self.show.say(
                f"Learning rate {schedule.rate.start:.2g} instead of {config.alpha_start:g}: with such wide windows, "
                "so much noise or so many repeated words, larger steps would overshoot (--alpha sets it)"
            )
        elif config.alpha is None and config.epochs > LONG_RUN_EPOCHS:
            self.show.say(f"Learning rate {config.alpha_start:.2g}: a long run takes smaller steps (--alpha sets it)")

    def measured(self, point: LossPoint) -> None:
        """Keep a loss for the chart at the end."""
        self.losses.append((point.tokens, point.loss))

    def training(self, progress: Progress) -> None:
        """Show the training itself."""
        self.show.training(progress)

    def stop(self) -> bool:
        """Return whether a signal has arrived."""
        return self._stop.asked()

    def remark(self, message: str) -> None:
        """Print something that the user should know."""
        self.show.say(message)
