"""The rule of Pig Latin, and the kind of a word under it.

Each part between dashes is translated alone. A part that begins with a vowel gets "way". From any
other, the consonants before the first vowel move to the end, and "ay" follows. `qu` moves as one;
`y` is a consonant as the first letter only.
"""

VOWELS = "aeiou"
KINDS = ("vowel", "consonant", "cluster", "qu", "dash")


def moved(part: str) -> int:
    """How many letters of `part` move to the end."""
    n = 0
    while n < len(part):
        if part.startswith("qu", n):
            n += 2
        elif part[n] in VOWELS or (part[n] == "y" and n > 0):
            break
        else:
            n += 1
    return n


def translate_part(part: str) -> str:
    n = moved(part)
    return part[n:] + part[:n] + ("ay" if n else "way") if part else ""


def translate_word(word: str) -> str:
    """`word`, lower case, in Pig Latin."""
    return "-".join(map(translate_part, word.split("-")))


def kind(word: str) -> str:
    """Which of KINDS a word is: what the rule does to it."""
    if "-" in word:
        return "dash"
    block = word[: moved(word)]
    if not block:
        return "vowel"
    if "qu" in block:
        return "qu"
    return "consonant" if len(block) == 1 else "cluster"
