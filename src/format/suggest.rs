//! "Did you mean …?" for names that come from a fixed list.

/// The name nearest to what was written, as the end of a message, where one is near.
pub(super) fn did_you_mean(written: &str, names: &[&str]) -> String {
    if written.len() > 40 {
        return String::new();
    }
    let nearest = names.iter().map(|name| (distance(&written.to_lowercase(), name), name)).min();
    match nearest {
        Some((distance, name)) if distance <= 2.min(name.len() / 2) => format!("; did you mean `{name}`?"),
        _ => String::new(),
    }
}

/// How many letters to insert, delete, replace or swap with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        let names = ["read", "write", "cas"];
        assert_eq!(did_you_mean("raed", &names), "; did you mean `read`?");
        assert_eq!(did_you_mean("Write", &names), "; did you mean `write`?");
        assert_eq!(did_you_mean("transfer", &names), "");
        assert_eq!(did_you_mean("xyz", &names), "");
        assert_eq!(did_you_mean(&"r".repeat(1000), &names), "");
    }
}
