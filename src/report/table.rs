//! Lines up the cells of a few rows: columns as wide as their widest cell on a terminal, numbers with thousands separators.

use unicode_width::UnicodeWidthStr;

/// Columns to the right of the last filled cell are dropped, and so are columns that no row fills.
pub(super) fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<[String; N]> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    rows.iter()
        .map(|row| {
            let last = row.iter().rposition(|cell| !cell.is_empty()).unwrap_or(0);
            std::array::from_fn(|i| match &row[i] {
                cell if i < last => format!("{cell}{}", " ".repeat(widths[i] - cell.width())),
                cell => cell.clone(),
            })
        })
        .collect()
}

/// 6042 as `6,042`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 session`, `13 sessions`; for a noun that takes an s.
pub(super) fn count(number: u64, noun: &str) -> String {
    let plural = match noun.strip_suffix('y') {
        _ if number == 1 => noun.to_owned(),
        Some(stem) if !stem.ends_with(['a', 'e', 'o']) => format!("{stem}ies"),
        _ => format!("{noun}s"),
    };
    format!("{} {plural}", thousands(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators_and_nouns_a_plural() {
        assert_eq!([0, 999, 1000, 6042, 1_234_567].map(thousands), ["0", "999", "1,000", "6,042", "1,234,567"]);
        assert_eq!(count(1, "history"), "1 history");
        assert_eq!(count(2, "history"), "2 histories");
        assert_eq!(count(14, "key"), "14 keys");
    }

    #[test]
    fn columns_line_up_by_width_on_the_terminal() {
        let rows = [["日本".into(), "x".into(), String::new()], ["a".into(), "yy".into(), "end".into()]];
        assert_eq!(aligned(&rows).iter().map(|row| row.concat()).collect::<Vec<_>>(), ["日本x", "a   yyend"]);
    }
}
