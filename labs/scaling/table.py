"""What the profiles say, as markdown."""

from labs.scaling.fits import Interval, Law, Profile, predict


def profiles_table(found: list[Profile]) -> str:
    """The score of each run at each budget, and the tokens that it has seen."""
    text = "| FLOPs | parameters | score | tokens |\n| --- | --- | --- | --- |\n"
    for profile in found:
        columns = profile.parameters, profile.losses, profile.tokens
        for parameters, score, tokens in sorted(zip(*columns, strict=True)):
            text += f"| {profile.flops:.3g} | {parameters:,} | {score:.3f} | {tokens:,.0f} |\n"
    return text


def law_table(law: Law, interval: Interval, far: float) -> str:
    """A row a budget, the two lines, and their extrapolation to `far` FLOPs."""
    text = (
        "| FLOPs | best parameters | best tokens | loss there | |\n"
        "| --- | --- | --- | --- | --- |\n"
    )
    for flops, optimum, tokens in zip(law.flops, law.optima, law.tokens, strict=True):
        note = "outside the sizes measured" if optimum.outside else ""
        text += (
            f"| {flops:.3g} | {optimum.parameters:,.0f} | {tokens:,.0f} | {optimum.loss:.3f} "
            f"| {note} |\n"
        )
    for flops in law.refused:
        text += f"| {flops:.3g} | none: no minimum | | | |\n"
    if not law.all_inside:
        text += (
            "\nFewer than two minima are among the sizes measured: the lines below go through "
            "minima outside them, and are a hint at most. Measure smaller or larger sizes.\n"
        )
    over = "of seeds and residuals" if interval.seeds > 1 else "of residuals, with one seed"
    low, high = interval.parameters
    low_tokens, high_tokens = interval.tokens
    return text + (
        f"\nBest parameters grow as FLOPs to the power {law.parameters_line[0]:.2f} "
        f"({interval.exponent[0]:.2f} to {interval.exponent[1]:.2f}), best tokens to the power "
        f"{law.tokens_line[0]:.2f}.\n"
        f"At {far:.3g} FLOPs: {predict(law.parameters_line, far):,.3g} parameters "
        f"({low:,.3g} to {high:,.3g}), {predict(law.tokens_line, far):,.3g} tokens "
        f"({low_tokens:,.3g} to {high_tokens:,.3g}).\n"
        f"Intervals: 95 %, {interval.draws} bootstrap draws {over}, {interval.refused} without a "
        "line.\n"
    )
