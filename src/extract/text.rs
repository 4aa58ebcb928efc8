//! White space: how the text of an element and the value of an attribute become what a record shows.
//!
//! White space is what HTML calls so: space, tab, line feed, form feed, carriage return. A no-break space (`&nbsp;`) is not:
//! its author asked for it to be kept, and a browser keeps it too.

/// Joins pieces of text, trims the whole, and folds white space inside it to single spaces.
pub(super) fn folded<'a>(pieces: impl Iterator<Item = &'a str>) -> String {
    let raw: String = pieces.collect();
    let mut text = String::with_capacity(raw.len());
    for word in raw.split_ascii_whitespace() {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

/// Trims a value; what is inside stays as it is.
pub(super) fn trimmed(value: &str) -> &str {
    value.trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_folded_across_pieces_and_words_are_not_glued_or_split() {
        assert_eq!(
            folded([" \n The", " Sha", "wshank\t", "\r\n Redemption\u{c} "].into_iter()),
            "The Shawshank Redemption"
        );
        assert_eq!(folded([" ", "\n"].into_iter()), "");
    }

    #[test]
    fn a_no_break_space_is_text() {
        assert_eq!(folded(["12\u{a0}000  \u{a0}€ "].into_iter()), "12\u{a0}000 \u{a0}€");
        assert_eq!(trimmed(" \u{a0}a  b\n"), "\u{a0}a  b");
    }
}
