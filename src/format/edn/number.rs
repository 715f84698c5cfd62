//! EDN's numbers: integers (`42`, `+1`, `0x2A`, `052`, `2r101010`, `42N`), floats (`1.5`, `1e9`), decimals (`1.5M`), ratios (`1/3`).
//!
//! Integers are exact to 128 bits. Decimals and ratios stay text, in lowest terms, and never equal a float, as in Clojure.

use std::borrow::Cow;

use super::token::{Token, cut};

const TOO_LARGE: &str = "an integer beyond 128 bits";

/// A word that begins with a digit, or with a sign and a digit.
pub(super) fn number(word: &str) -> Result<Token<'_>, String> {
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    let negative = word.starts_with('-');
    let wrong = || format!("`{}` is no number", cut(word));
    let whole = unsigned.strip_suffix('N').unwrap_or(unsigned);
    if whole.bytes().all(|byte| byte.is_ascii_digit()) && !whole.is_empty() {
        // Clojure reads a leading zero as octal; so does this, but 08 is then no number there either.
        let (digits, radix) = if whole.len() > 1 && whole.starts_with('0') { (&whole[1..], 8) } else { (whole, 10) };
        return integer(digits, radix, negative, wrong);
    }
    if let Some(digits) = whole.strip_prefix("0x").or(whole.strip_prefix("0X")) {
        return integer(digits, 16, negative, wrong);
    }
    if let Some((radix, digits)) = unsigned.split_once(['r', 'R']) {
        let radix = radix.parse().ok().filter(|radix| (2..=36).contains(radix));
        let radix = radix.ok_or_else(|| format!("`{}`: the radix of an integer is 2 to 36", cut(word)))?;
        return integer(digits, radix, negative, wrong);
    }
    if let Some((top, bottom)) = unsigned.split_once('/') {
        return ratio(top, bottom, negative, wrong);
    }
    if let Some(decimal) = unsigned.strip_suffix('M') {
        return match is_float(decimal) {
            true => Ok(Token::Scalar(Cow::Borrowed(word.strip_prefix('+').unwrap_or(word)))),
            false => Err(wrong()),
        };
    }
    if !is_float(unsigned) {
        return Err(wrong());
    }
    match word.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Token::Float(value)),
        _ => Err(format!("`{}` is out of the range of 64-bit floats", cut(word))),
    }
}

fn integer<'a>(digits: &str, radix: u32, negative: bool, wrong: impl Fn() -> String) -> Result<Token<'a>, String> {
    if digits.is_empty() || !digits.bytes().all(|byte| (byte as char).is_digit(radix)) {
        return Err(wrong());
    }
    let too_large = |_| TOO_LARGE.to_owned();
    match negative {
        false => i128::from_str_radix(digits, radix),
        true => i128::from_str_radix(&format!("-{digits}"), radix),
    }
    .map(Token::Int)
    .map_err(too_large)
}

fn ratio<'a>(top: &str, bottom: &str, negative: bool, wrong: impl Fn() -> String) -> Result<Token<'a>, String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(top) || !digits(bottom) {
        return Err(wrong());
    }
    let (Ok(top), Ok(bottom)) = (top.parse::<i128>(), bottom.parse::<i128>()) else { return Err(TOO_LARGE.to_owned()) };
    if bottom == 0 {
        return Err("a ratio with denominator 0".to_owned());
    }
    let (mut a, mut b) = (top, bottom);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let (top, bottom) = (if negative { -top / a } else { top / a }, bottom / a);
    Ok(match bottom {
        1 => Token::Int(top),
        _ => Token::Scalar(Cow::Owned(format!("{top}/{bottom}"))),
    })
}

/// Digits, then perhaps a point and digits, then perhaps an exponent.
fn is_float(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) =
        text.split_once(['e', 'E']).map_or((text, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    !whole.is_empty() && digits(whole) && digits(fraction) && exponent
}
