//! Variant names as words: what a person reads as the title of a problem.

/// Splits a name in camel case into words: `NotFound` is "Not found", `URLTooLong` is "URL too long".
pub fn words(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (at, &letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| letters.get(before));
        let after = letters.get(at + 1);
        let starts = letter.is_uppercase()
            && before.is_none_or(|before| {
                !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase())
            });
        match words.last_mut() {
            Some(word) if !starts => word.push(letter),
            _ => words.push(letter.to_string()),
        }
    }
    for (at, word) in words.iter_mut().enumerate() {
        let acronym = word.len() > 1 && !word.chars().any(char::is_lowercase);
        if at > 0 && !acronym {
            *word = word.to_lowercase();
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn names_become_sentences_and_acronyms_stay() {
        let pairs = [
            ("NotFound", "Not found"),
            ("Gone", "Gone"),
            ("URLTooLong", "URL too long"),
            ("InvalidURL", "Invalid URL"),
            ("IsAFolder", "Is a folder"),
            ("Sha256Mismatch", "Sha256 mismatch"),
        ];
        for (name, title) in pairs {
            assert_eq!(words(name), title);
        }
    }
}
