//! Marks of layout, citation and question: one pass over the bytes.

/// Counts of marks in a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) headings: usize,
    pub(super) table_rows: usize,
    /// Fenced blocks and inline spans of code.
    pub(super) code: usize,
    pub(super) emphasis: usize,
    pub(super) list_items: usize,
    /// Bracketed numbers, parenthesised author and year, addresses.
    pub(super) citations: usize,
    pub(super) questions: usize,
}

/// The longest parenthesis that is looked into for an author and a year.
const LONGEST_CITATION: usize = 200;

/// Bytes at which something may have to be done.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    // The last two begin the full-width and the Arabic question mark.
    let special = *b"\n`*_?[(:.\xef\xd8";
    while at < special.len() {
        table[special[at] as usize] = true;
        at += 1;
    }
    table
};

impl Layout {
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut scan = Scan { bytes, layout: Self::default(), fenced: false, span: None };
        let mut at = scan.line(0);
        while at < bytes.len() {
            if !SPECIAL[bytes[at] as usize] {
                at += 1;
                continue;
            }
            at = match bytes[at] {
                b'\n' => scan.line(at + 1),
                b'`' | b'*' | b'_' => scan.delimiter(at),
                b'[' => scan.bracket(at),
                b'(' => scan.parenthesis(at),
                _ => scan.mark(at),
            };
        }
        scan.layout
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    layout: Layout,
    /// Between the fences of a code block.
    fenced: bool,
    /// The open delimiter of the line and its length.
    span: Option<(u8, usize)>,
}

impl Scan<'_> {
    fn run(&self, at: usize, byte: u8) -> usize {
        self.bytes[at.min(self.bytes.len())..].iter().take_while(|&&other| other == byte).count()
    }

    fn get(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(b'\n')
    }

    fn before(&self, at: usize) -> u8 {
        at.checked_sub(1).map_or(b'\n', |before| self.get(before))
    }

    /// The start of a line; gives where to go on.
    fn line(&mut self, start: usize) -> usize {
        self.span = None;
        let mut at = start;
        while matches!(self.get(at), b' ' | b'\t') {
            at += 1;
        }
        let first = self.get(at);
        let run = self.run(at, first);
        if matches!(first, b'`' | b'~') && run >= 3 {
            self.fenced = !self.fenced;
            self.layout.code += usize::from(self.fenced);
            return at + run;
        }
        if self.fenced {
            return at;
        }
        match first {
            b'#' if run <= 6 && self.get(at + run) == b' ' => {
                self.layout.headings += 1;
                at + run
            }
            b'|' => {
                self.layout.table_rows += 1;
                at + 1
            }
            b'-' | b'*' | b'+' if run == 1 && self.get(at + 1) == b' ' => {
                self.layout.list_items += 1;
                at + 2
            }
            0xe2 if self.bytes[at..].starts_with("•".as_bytes()) => {
                self.layout.list_items += 1;
                at + 3
            }
            b'0'..=b'9' => {
                // A number of at most nine digits, as CommonMark has it.
                let digits = self.bytes[at..].iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
                let item =
                    digits < 10 && matches!(self.get(at + digits), b'.' | b')') && self.get(at + digits + 1) == b' ';
                self.layout.list_items += usize::from(item);
                if item { at + digits + 2 } else { at }
            }
            _ => at,
        }
    }

    /// A run of backticks, asterisks or underscores: opens a span, closes one, or neither.
    fn delimiter(&mut self, at: usize) -> usize {
        let byte = self.bytes[at];
        let run = self.run(at, byte);
        let end = at + run;
        if self.fenced {
            return end;
        }
        if self.span == Some((byte, run)) && (byte == b'`' || !self.before(at).is_ascii_whitespace()) {
            self.span = None;
            if byte == b'`' {
                self.layout.code += 1;
            } else {
                self.layout.emphasis += 1;
            }
            return end;
        }
        // Code shows delimiters as they are.
        let in_code = matches!(self.span, Some((b'`', _)));
        let opens = byte == b'`'
            || run <= 3 && !self.get(end).is_ascii_whitespace() && !self.before(at).is_ascii_alphanumeric();
        if opens && !in_code {
            self.span = Some((byte, run));
        }
        end
    }

    /// `[1]`, `[2, 3]`, `[4-6]`, `[^7]`.
    fn bracket(&mut self, at: usize) -> usize {
        let inside = self.bytes[at + 1..].iter().take(32);
        let mut digits = false;
        for (length, &byte) in inside.enumerate() {
            match byte {
                b'0'..=b'9' => digits = true,
                b'^' if length == 0 => {}
                b',' | b' ' | b'-' | b';' => {}
                b']' if digits => {
                    self.layout.citations += 1;
                    return at + length + 2;
                }
                _ => break,
            }
        }
        at + 1
    }

    /// `(Smith, 2020)`, `(Smith et al., 2020a; Jones, 2019)`: one citation a part that names a year.
    fn parenthesis(&mut self, at: usize) -> usize {
        let rest = &self.bytes[at + 1..];
        let inside = &rest[..rest.len().min(LONGEST_CITATION)];
        let end = inside.iter().position(|byte| matches!(byte, b')' | b'(' | b'\n'));
        if let Some(length) = end.filter(|&length| inside[length] == b')') {
            self.layout.citations +=
                inside[..length].split(|&byte| byte == b';').filter(|part| names_year(part)).count();
        }
        at + 1
    }

    /// A question mark, or the middle of `https://` or `www.`.
    fn mark(&mut self, at: usize) -> usize {
        let rest = &self.bytes[at..];
        let before = &self.bytes[..at];
        let (question, address) = match self.bytes[at] {
            b'?' => (true, false),
            0xef => (rest.starts_with("？".as_bytes()), false),
            0xd8 => (rest.starts_with("؟".as_bytes()), false),
            b':' => (false, rest.starts_with(b"://") && (before.ends_with(b"http") || before.ends_with(b"https"))),
            b'.' => {
                let www = before.ends_with(b"www");
                (
                    false,
                    www && !matches!(before.iter().nth_back(3), Some(byte) if byte.is_ascii_alphanumeric() || *byte == b'/'),
                )
            }
            _ => (false, false),
        };
        self.layout.questions += usize::from(question);
        self.layout.citations += usize::from(address);
        at + 1
    }
}

/// Whether this is a name, a comma and a year with an optional letter: `Smith et al., 2020a`.
fn names_year(part: &[u8]) -> bool {
    let part = part.trim_ascii();
    let part = match part {
        [year @ .., letter] if letter.is_ascii_lowercase() && year.last().is_some_and(u8::is_ascii_digit) => year,
        _ => part,
    };
    let Some((name, year)) = part.split_last_chunk::<4>() else { return false };
    let plausible = matches!(year[0], b'1' | b'2') && year.iter().all(u8::is_ascii_digit);
    plausible && name.trim_ascii_end().ends_with(b",") && name.iter().any(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Layout {
        Layout::of(text)
    }

    #[test]
    fn blocks() {
        let text = "# Title\n\n- one\n* two\n+ three\n• four\n1. five\r\n 2) six\n| a | b |\n```rust\n- no\n# no\n```\n#no\n-no\n3.5 no";
        assert_eq!(of(text), Layout { headings: 1, list_items: 6, table_rows: 1, code: 1, ..Layout::default() });
    }

    #[test]
    fn spans() {
        let text = "**bold** and *thin* and _so_ and `a * b * c`, not snake_case_name or 2 * 3 * 4\n*open";
        assert_eq!(of(text), Layout { emphasis: 3, code: 1, ..Layout::default() });
    }

    #[test]
    fn citations() {
        let text = "See [1], [2, 3], [^4], [x] (Smith, 2020; Jones et al., 2019a) (in 2020) (2020) https://a.b http://c www.d.org";
        assert_eq!(of(text).citations, 8);
        assert_eq!(of("https://www.a.org").citations, 1);
    }

    #[test]
    fn questions() {
        assert_eq!(of("What? Really?? 本当？ لماذا؟").questions, 5);
    }

    #[test]
    fn ends_anywhere() {
        for text in ["[", "(", "`", "*", "#", "```", "[1", "1.", "|", "•", ":", ".", "\u{ff1f}", "ئ"] {
            of(text);
        }
    }
}
