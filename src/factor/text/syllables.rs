//! Syllables of a word, by its spelling.

/// The number of syllables of a lower-case word, at least 1.
///
/// The usual heuristic for English: the groups of vowels (`a e i o u y` and
/// their accented forms), less a silent final `e` (not `-le` after a consonant)
/// and a silent `-es` or `-ed` after a consonant that does not ask for it
/// (`-tes` is silent, `-ches` is not; `-ked` is silent, `-ted` is not).
pub(super) fn count(word: &[u8]) -> u32 {
    let groups = match word.is_ascii() {
        true => vowel_groups(word.iter().map(|&byte| is_vowel(byte))),
        false => vowel_groups(String::from_utf8_lossy(word).chars().map(|character| match u8::try_from(character) {
            Ok(byte) if byte.is_ascii() => is_vowel(byte),
            _ => "àáâãäåæèéêëìíîïòóôõöøùúûüýÿœāăąēĕėęěĩīĭįıōŏőũūŭůűų".contains(character),
        })),
    };
    groups.saturating_sub(u32::from(groups > 1 && silent_ending(word))).max(1)
}

fn is_vowel(byte: u8) -> bool {
    matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

fn vowel_groups(vowels: impl Iterator<Item = bool>) -> u32 {
    let mut inside = false;
    let mut groups: u32 = 0;
    for vowel in vowels {
        groups = groups.saturating_add(u32::from(vowel && !inside));
        inside = vowel;
    }
    groups
}

fn silent_ending(word: &[u8]) -> bool {
    match word {
        [.., before, b'l', b'e'] => is_vowel(*before),
        [.., before, b'e'] => !is_vowel(*before),
        [.., before, last, b'e', b's'] => match last {
            b's' | b'x' | b'z' | b'c' | b'g' => false,
            b'h' => !matches!(before, b'c' | b's'),
            b'l' => is_vowel(*before),
            _ => !is_vowel(*last),
        },
        [.., last, b'e', b'd'] => !is_vowel(*last) && !matches!(last, b't' | b'd'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        for (word, syllables) in [
            ("the", 1),
            ("cat", 1),
            ("table", 2),
            ("whale", 1),
            ("created", 2),
            ("walked", 1),
            ("wanted", 2),
            ("churches", 2),
            ("notes", 1),
            ("readability", 5),
            ("rhythm", 1),
            ("café", 2),
            ("1984", 1),
            ("日", 1),
        ] {
            assert_eq!(count(word.as_bytes()), syllables, "{word}");
        }
    }
}
