//! Names from the data as labels.

/// A name that fits: at most `most` characters, shortened in the middle, in one line.
pub(super) fn fit(name: &str, most: usize) -> String {
    let visible: Vec<char> =
        name.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !turns(*c)).collect();
    let kept: String = if visible.len() <= most {
        visible.iter().collect()
    } else {
        let tail = most / 3;
        let head = most.saturating_sub(tail + 1);
        visible[..head].iter().chain(&['…']).chain(&visible[visible.len() - tail..]).collect()
    };
    // Between dollars the library would set mathematics.
    kept.replace('$', "\\$")
}

/// Whether a character is invisible or turns the direction of what follows.
fn turns(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

/// Text inside an attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML has no other control characters.
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_and_straight() {
        assert_eq!(fit("length", 10), "length");
        assert_eq!(fit("a\u{202e}b\nc", 10), "ab c");
        let long = fit("unsupported_entities_of_the_source", 16);
        assert_eq!((long.as_str(), long.chars().count()), ("unsupporte…ource", 16));
        assert_eq!(fit("$x$", 10), "\\$x\\$");
        assert_eq!(escape("<a b='\"'>&\u{1}"), "&lt;a b=&#39;&quot;&#39;&gt;&amp; ");
    }
}
