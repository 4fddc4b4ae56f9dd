"""Write ../text/unicode_tables.inc: what the tokenizer knows of each code point.

    python core/tools/generate_unicode.py /usr/share/unicode > core/text/unicode_tables.inc

The folder holds UnicodeData.txt, CaseFolding.txt, Scripts.txt and DerivedNormalizationProps.txt of one
version of the Unicode Character Database (Debian: package unicode-data). The version is part of a model's
tokenizer config: tables of another version are another tokenizer.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

SPACE, WORD, MARK, CHARACTER, SYMBOL, IGNORED = range(6)
BLOCK = 256
CODE_POINTS = 0x110000
ACTIVE = 8  # beside the class: form NFC may change the code point, or combine it with those before it

# Scripts written without spaces between words: a token a character.
NO_SPACES = {
    "Han", "Hiragana", "Katakana", "Bopomofo", "Yi", "Nushu", "Tangut", "Khitan_Small_Script", "Thai",
    "Lao", "Khmer", "Myanmar", "Tai_Le", "New_Tai_Lue", "Tai_Tham", "Tai_Viet",
}  # fmt: skip
PROLONGED_SOUND = {0x30FC, 0xFF70}  # script Common, but written among Kana
ZERO_WIDTH_SPACE = 0x200B  # category Cf, yet a space
JOINERS = {0x034F, *range(0x180B, 0x180E), 0x180F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
# What typographers and keyboards write differently.
TYPOGRAPHIC = {0x2018: 0x27, 0x2019: 0x27, 0x201C: 0x22, 0x201D: 0x22, 0x2010: 0x2D, 0x2011: 0x2D}


def ranges(path: Path) -> Iterator[tuple[range, list[str]]]:
    """The code points of each line of a file of the database, and the fields after them."""
    for line in path.read_text().splitlines():
        codes, *fields = (field.strip() for field in line.split("#")[0].split(";"))
        if codes:
            first, _, last = codes.partition("..")
            yield range(int(first, 16), int(last or first, 16) + 1), fields


def canonical(folder: Path) -> tuple[list[int], dict[int, list[int]]]:
    """The canonical combining class of each code point, and canonical decompositions in one step."""
    combining, decompositions = [0] * CODE_POINTS, {}
    for codes, fields in ranges(folder / "UnicodeData.txt"):
        combining[codes[0]] = int(fields[2])
        if fields[4] and not fields[4].startswith("<"):
            decompositions[codes[0]] = [int(code, 16) for code in fields[4].split()]
    return combining, decompositions


def with_property(folder: Path, name: str) -> set[int]:
    """Code points that have a property of normalization."""
    lines = ranges(folder / "DerivedNormalizationProps.txt")
    return {code for codes, fields in lines if fields[0] == name for code in codes}


def active(folder: Path, combining: list[int]) -> set[int]:
    """Code points that form NFC may change, or combine with those before them."""
    return {code for code, order in enumerate(combining) if order} | with_property(folder, "NFC_QC")


def normalization(folder: Path) -> None:
    """Print the tables of form NFC, without Hangul, which is arithmetic."""
    combining, decompositions = canonical(folder)
    index, blocks = two_stage(combining)
    print(array("std::uint8_t", "kCombiningIndex", index))
    print(array("std::uint8_t", "kCombiningBlocks", blocks))

    places = [0] * CODE_POINTS  # 0: none
    for place, code in enumerate(sorted(decompositions), 1):
        places[code] = place
    index, blocks = two_stage(places)
    pairs = [[0, 0], *([*decompositions[code], 0][:2] for code in sorted(decompositions))]
    print(array("std::uint8_t", "kDecompositionIndex", index))
    print(array("std::uint16_t", "kDecompositionBlocks", blocks))
    print(array("std::uint32_t", "kDecompositions", [code for pair in pairs for code in pair]))

    never, by_first = with_property(folder, "Full_Composition_Exclusion"), {}
    for code, (first, *second) in decompositions.items():
        if second and code not in never:
            by_first.setdefault(first, []).append((second[0], code))
    groups, starts, compositions = [0] * CODE_POINTS, [0, 0], []
    for group, first in enumerate(sorted(by_first), 1):
        groups[first] = group
        compositions += sorted(by_first[first])
        starts.append(len(compositions))
    index, blocks = two_stage(groups)
    print(array("std::uint8_t", "kCompositionIndex", index))
    print(array("std::uint16_t", "kCompositionBlocks", blocks))
    print(array("std::uint16_t", "kCompositionStarts", starts))
    print(array("std::uint32_t", "kCompositions", [code for pair in compositions for code in pair]))


def categories(folder: Path) -> list[str]:
    result = ["Cn"] * CODE_POINTS
    first = None
    for line in (folder / "UnicodeData.txt").read_text().splitlines():
        code, name, category = line.split(";")[:3]
        start = end = int(code, 16)
        if name.endswith("First>"):
            first = start
            continue
        if name.endswith("Last>"):
            start = first
        for c in range(start, end + 1):
            result[c] = category
    return result


def spaceless(folder: Path) -> set[int]:
    result = set(PROLONGED_SOUND)
    for line in (folder / "Scripts.txt").read_text().splitlines():
        match = re.match(r"([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*;\s*(\w+)", line)
        if match and match[3] in NO_SPACES:
            result.update(range(int(match[1], 16), int(match[2] or match[1], 16) + 1))
    return result


def foldings(folder: Path) -> dict[int, list[int]]:
    result = {}
    for line in (folder / "CaseFolding.txt").read_text().splitlines():
        fields = line.split("#")[0].split(";")
        if len(fields) > 2 and fields[1].strip() in "CF":
            result[int(fields[0], 16)] = [int(c, 16) for c in fields[2].split()]
    result.update({code: [plain] for code, plain in TYPOGRAPHIC.items()})
    return result


def token_class(code: int, category: str, no_spaces: set[int]) -> int:
    if code == ZERO_WIDTH_SPACE or category[0] == "Z" or category == "Cc":
        return SPACE
    if category == "Cf" or code in JOINERS:
        return IGNORED
    if category[0] == "M":
        return MARK
    if category[0] in "LN":
        return CHARACTER if code in no_spaces else WORD
    return SYMBOL


def two_stage(values: list[int]) -> tuple[list[int], list[int]]:
    """Split `values` into blocks and store each distinct block once."""
    seen: dict[tuple[int, ...], int] = {}
    index = [seen.setdefault(tuple(values[i : i + BLOCK]), len(seen)) for i in range(0, len(values), BLOCK)]
    return index, [value for block in seen for value in block]


def array(kind: str, name: str, values: list[int]) -> str:
    rows = (", ".join(map(str, values[i : i + 20])) for i in range(0, len(values), 20))
    return f"inline constexpr {kind} {name}[{len(values)}] = {{\n  " + ",\n  ".join(rows) + "};\n"


def main() -> None:
    folder = Path(sys.argv[1])
    version = re.search(r"CaseFolding-([\d.]+)\.txt", (folder / "CaseFolding.txt").read_text())[1]
    no_spaces = spaceless(folder)
    changing = active(folder, canonical(folder)[0])
    classes = [
        token_class(code, category, no_spaces) + (ACTIVE if code in changing else 0)
        for code, category in enumerate(categories(folder))
    ]

    # A fold is the distance to one code point, or, from `expansion` on, a place in the expansions.
    expansion, expansions, folds = 1 << 24, [], [0] * CODE_POINTS
    for code, target in foldings(folder).items():
        if len(target) == 1:
            folds[code] = target[0] - code
        else:
            folds[code] = expansion + len(expansions) // 3
            expansions.extend([*target, 0, 0][:3])

    class_index, class_blocks = two_stage(classes)
    fold_index, fold_blocks = two_stage(folds)
    print("// Generated by tools/generate_unicode.py; do not edit.")
    print(f'inline constexpr char kUnicodeVersion[] = "{version}";')
    print(f"inline constexpr int kFoldExpansion = {expansion};")
    print(array("std::uint8_t", "kClassIndex", class_index))
    print(array("std::uint8_t", "kClassBlocks", class_blocks))
    print(array("std::uint8_t", "kFoldIndex", fold_index))
    print(array("std::int32_t", "kFoldBlocks", fold_blocks))
    print(array("std::uint32_t", "kFoldExpansions", expansions))
    normalization(folder)


if __name__ == "__main__":
    main()
