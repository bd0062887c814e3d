"""A scanner for C++ that knows just enough to find functions, types and includes.

It blanks out comments, literals and preprocessor lines (positions and line ends stay), then
follows the braces. What opens a brace is told from the text between it and the last `;`, `{` or
`}`: its head. Whatever stands inside a function, lambdas and local types included, counts as part
of that function. Braces that do not balance are an error and not a guess.
"""

import re
from dataclasses import dataclass

RAW_STRING = re.compile(r'(?:u8|[uUL])?R"([^()\\\s]{0,16})\(')
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
TRAILING = re.compile(r"(?:\b(?:const|noexcept|mutable|override|final|try)\b|&&?|->[^(){};]*)\s*$")


class ScanError(Exception):
    pass


@dataclass
class Function:
    name: str
    line: int
    lines: int


@dataclass
class Type:
    keyword: str
    name: str
    line: int
    head: str
    depth: int  # how many types it is nested in


@dataclass
class Scan:
    functions: list
    types: list


def includes(text):
    """[(line, '<' or '"', path)] of a file's include directives, those in comments left out."""
    kept = blank(text, keep_preprocessor=True)
    found = []
    for match in INCLUDE.finditer(text):
        hash_at = text.index("#", match.start())
        if kept[hash_at] == "#":
            found.append((text.count("\n", 0, hash_at) + 1, match.group(1), match.group(2)))
    return found


def spaces(text):
    return re.sub(r"[^\n]", " ", text)


def literal_end(text, start):
    """The position after the string or character literal that starts at `start`."""
    quote, at = text[start], start + 1
    while at < len(text) and text[at] != quote:
        if text[at] == "\n":
            raise ScanError("line %d: a literal without end" % (text.count("\n", 0, start) + 1))
        at += 2 if text[at] == "\\" else 1
    return at + 1


def next_blank(text, at):
    """The end of the comment or literal that starts at `at`, or None."""
    if text.startswith("//", at):
        end = at
        while True:
            end = text.find("\n", end)
            if end < 0:
                return len(text)
            if text[end - 1] != "\\":
                return end
            end += 1
    if text.startswith("/*", at):
        end = text.find("*/", at + 2)
        if end < 0:
            raise ScanError("line %d: a comment without end" % (text.count("\n", 0, at) + 1))
        return end + 2
    raw = RAW_STRING.match(text, at)
    if raw and not (at and (text[at - 1].isalnum() or text[at - 1] == "_")):
        end = text.find(")" + raw.group(1) + '"', raw.end())
        if end < 0:
            raise ScanError("line %d: a raw string without end" % (text.count("\n", 0, at) + 1))
        return end + len(raw.group(1)) + 2
    if text[at] == '"':
        return literal_end(text, at)
    # A ' after a digit or letter separates digits, unless it ends an encoding prefix.
    if text[at] == "'":
        word = re.search(r"\w*$", text[max(0, at - 40):at]).group()
        if not word or word in ("u8", "u", "U", "L"):
            return literal_end(text, at)
    return None


def blank(text, keep_preprocessor=False):
    """`text` with comments, literals and (unless kept) preprocessor lines turned into blanks."""
    out, at = [], 0
    line_start = True
    while at < len(text):
        if line_start and text[at] == "#" and not keep_preprocessor:
            end = directive_end(text, at)
            out.append(spaces(text[at:end]))
            at = end
            continue
        if line_start and text[at] == "#":
            end = directive_end(text, at)
            if INCLUDE.match(text[at:end]):  # "name" is no string there
                out.append(text[at:end])
                at = end
                continue
        end = next_blank(text, at)
        if end is not None:
            out.append(spaces(text[at:end]))
            at = end
            line_start = False
            continue
        line_start = text[at] == "\n" or (line_start and text[at] in " \t")
        out.append(text[at])
        at += 1
    return "".join(out)


def directive_end(text, at):
    """The end of a preprocessor line, continuation lines and comments that it opens included."""
    while at < len(text) and text[at] != "\n":
        if text[at] == "\\" and text[at + 1:at + 2] == "\n":
            at += 2
        elif text.startswith("/*", at):
            end = text.find("*/", at)
            if end < 0:
                raise ScanError("line %d: a comment without end" % (text.count("\n", 0, at) + 1))
            at = end + 2
        elif text.startswith("//", at):
            return next_blank(text, at)
        else:
            at += 1
    return at


def strip_balanced(text, opening, closing):
    """`text` without what stands between balanced brackets, brackets included."""
    depth, out = 0, []
    for char in text:
        if char == opening:
            depth += 1
        elif char == closing and depth:
            depth -= 1
        elif depth == 0:
            out.append(char)
    return "".join(out)


def strip_template(head):
    """`head` without its leading template<...> (comparisons in it need parentheses, as in C++)."""
    head = head.strip()
    while re.match(r"template\s*<", head):
        depth, at = 0, head.index("<")
        while at < len(head):
            depth += {"<": 1, ">": -1, "(": 100, ")": -100}.get(head[at], 0)
            at += 1
            if depth == 0:
                break
        head = head[at:].strip()
    return head


def plain_head(head):
    head = re.sub(r"^(?:\s*(?:public|private|protected)\s*:(?!:))+", "", head)
    head = strip_template(head)
    return re.sub(r"^(?:\s*\[\[.*?\]\])+", "", head, flags=re.S).strip()


def trimmed(head):
    """`head` without what may stand between a parameter list and a body."""
    while True:
        cut = TRAILING.sub("", head.rstrip()).rstrip()
        if cut == head.rstrip():
            return cut
        head = cut


def in_initialisers(head):
    """Whether `head` is a constructor's, and its member initialisers have begun."""
    flat = strip_balanced(strip_balanced(head, "{", "}"), "(", ")")
    had_parameters = "(" in head
    return had_parameters and bool(re.search(r"(?<!:):(?!:)", flat)) and "?" not in flat


def type_of(head):
    """(keyword, name) if the head declares a type, else None."""
    match = re.match(r"(?:typedef\s+|static\s+|constexpr\s+|inline\s+|export\s+)*"
                     r"(enum\s+class|enum\s+struct|class|struct|union|enum)\b", head)
    if not match:
        return None
    rest = re.sub(r"\b(?:alignas|__attribute__)\s*\(\(?[^)]*\)?\)|\[\[.*?\]\]", " ",
                  head[match.end():], flags=re.S)
    rest = re.sub(r"\bXFSX_[A-Z_]+\b", " ", rest)
    flat = re.split(r"(?<!:):(?!:)", rest)[0]
    if "(" in flat or "=" in flat:
        return None
    name = re.sub(r"\bfinal\b", "", flat).strip()
    return match.group(1).split()[0], name


def classify(head):
    """'namespace', 'type', 'function' or 'value': what the brace after `head` opens."""
    plain = plain_head(head)
    if re.match(r"(?:inline\s+)?namespace\b|TEST_SUITE\b|extern\s*$", plain):
        return "namespace"
    if re.search(r"\brequires\s*(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?\s*$", plain):
        return "value"
    if type_of(plain):
        return "type"
    named = re.sub(r"\boperator\s*(?:\(\s*\)|\[\s*\]|[^\s\w(]+)", "operator_", plain)
    if in_initialisers(named):
        return "function" if named.rstrip()[-1:] in (")", "}") else "value"
    flat = strip_balanced(named, "(", ")")
    open_parens = named.count("(") - named.count(")")
    last = trimmed(named)[-1:]
    if open_parens > 0 or re.search(r"(?<![=!<>])=(?!=)", flat):
        # In an argument list or an initialiser only a lambda is a function.
        is_lambda = last in (")", "]") and re.search(r"\[[^\[\]]*\]\s*(?:\(|$|<)", trimmed(named))
        return "function" if is_lambda else "value"
    return "function" if "(" in named else "value"


def function_name(head):
    named = plain_head(head)
    match = re.search(r"([~\w:<>, ]*?(?:operator\s*\S+?|~?\w+))\s*\(", named)
    if not match:
        return "lambda"
    return match.group(1).split()[-1] if match.group(1).split() else "lambda"


@dataclass
class Open:
    kind: str
    head_start: int
    head: str
    at: int


class Follower:
    """Follows the braces of a blanked text."""

    def __init__(self, text):
        self.text = text
        self.stack = []
        self.head_start = 0
        self.functions = []
        self.types = []

    def line(self, at):
        return self.text.count("\n", 0, at) + 1

    def inside_function(self):
        return any(brace.kind == "function" for brace in self.stack)

    def first_char(self, start, end):
        """Where a head begins: the first character that is no blank, access specifiers skipped."""
        part = self.text[start:end]
        match = re.match(r"(?:\s*(?:public|private|protected)\s*:(?!:))*\s*", part)
        return start + match.end()

    def open(self, at):
        head = self.text[self.head_start:at]
        if self.inside_function() or (self.stack and self.stack[-1].kind == "value"
                                      and classify(head) != "function"):
            kind = "value"
        else:
            kind = classify(head)
        self.stack.append(Open(kind, self.head_start, head, at))
        if kind == "type":
            keyword, name = type_of(plain_head(head))
            depth = sum(1 for brace in self.stack[:-1] if brace.kind == "type")
            line = self.line(self.first_char(self.head_start, at))
            self.types.append(Type(keyword, name, line, head.strip(), depth))
        if kind != "value" or self.inside_function():
            self.head_start = at + 1

    def close(self, at):
        if not self.stack:
            raise ScanError("line %d: a } too many" % self.line(at))
        brace = self.stack.pop()
        if brace.kind == "function":
            first = self.line(self.first_char(brace.head_start, brace.at))
            lines = self.line(at) - first + 1
            self.functions.append(Function(function_name(brace.head), first, lines))
        # After a value the declaration that it belongs to goes on.
        if brace.kind != "value" or self.inside_function():
            self.head_start = at + 1

    def follow(self):
        parens = 0
        for at, char in enumerate(self.text):
            if char == "{":
                self.open(at)
            elif char == "}":
                self.close(at)
            elif char in "()":
                parens += 1 if char == "(" else -1
            elif char == ";" and (parens == 0 or self.inside_function()):
                if not self.stack or self.stack[-1].kind != "value" or self.inside_function():
                    self.head_start = at + 1
        if self.stack:
            raise ScanError("line %d: a { without end" % self.line(self.stack[-1].at))
        if parens:
            raise ScanError("parentheses do not balance")


def macros(text):
    """Macro definitions of several lines count as functions, or one could hide in them."""
    found = []
    for match in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", blank(text, True), re.M):
        end = directive_end(text, match.start())
        lines = text.count("\n", match.start(), end) + 1
        if lines > 1:
            line = text.count("\n", 0, match.start()) + 1
            found.append(Function("#define " + match.group(1), line, lines))
    return found


def scan(text):
    follower = Follower(blank(text))
    follower.follow()
    return Scan(follower.functions + macros(text), follower.types)
