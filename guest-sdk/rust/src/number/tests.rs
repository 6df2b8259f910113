//! The promises of [`Number`].

use super::*;

fn n(text: &str) -> Number {
    Number::parse(text).unwrap()
}

#[test]
fn what_dynamodb_accepts_is_accepted_as_written_and_nothing_else() {
    for text in ["0", "-0", "-1.5", "+7", ".5", "5.", "1e3", "1E+125", "1e-130", "007", "1234567890123456789.0123456789012345678"]
    {
        assert_eq!(n(text).as_str(), text);
    }
    for text in ["", "-", ".", "e5", "1e", "1e+", "0x1", "1_000", " 1", "1 ", "NaN", "inf", "1,5", "٣", "1e9999999999", "--1"] {
        assert!(matches!(Number::parse(text), Err(NumberError::Syntax(_))), "{text}");
    }
    assert!(matches!(Number::parse("1".repeat(39)), Err(NumberError::TooPrecise(_))));
    assert!(matches!(Number::parse("1e126"), Err(NumberError::OutOfRange(_))));
    assert!(matches!(Number::parse("1e-131"), Err(NumberError::OutOfRange(_))));
    assert!(Number::parse(format!("1{}", "0".repeat(100))).is_ok(), "zeros at the end are not significant");
}

#[test]
fn equality_order_and_hash_are_by_value() {
    assert_eq!(n("10"), n("10.0"));
    assert_eq!(n("1e1"), n("10"));
    assert_eq!(n("-0"), n("0.000"));
    assert_ne!(n("10"), n("-10"));
    assert_eq!(std::collections::HashSet::from([n("1"), n("1.0"), n("10E-1")]).len(), 1);
    let mut all = [n("3"), n("-20"), n("0"), n("0.5"), n("100"), n("-3"), n("29"), n("2.95")];
    all.sort();
    assert_eq!(all.map(Number::into_string), ["-20", "-3", "0", "0.5", "2.95", "3", "29", "100"]);
    assert!(n("0.01") > 0 && n("7.0") == 7 && n("-1") < 0 && n("1E2") == 100 && n("-20") < -19 && n("0") == 0);
}

#[test]
fn sums_are_exact_or_an_error() {
    let nines = "9".repeat(38);
    for (a, b, sum) in [
        ("0.1", "0.2", "0.3"),
        ("1", "-1", "0"),
        ("-2.50", "1", "-1.5"),
        ("1e38", "-1", nines.as_str()),
        ("1E-100", "0", "1E-100"),
        ("0", "7E50", "7E50"),
        ("99999999999999999999999999999999999999", "1", "100000000000000000000000000000000000000"),
        ("0.000001", "0.000002", "0.000003"),
    ] {
        assert_eq!(n(a).try_add(&n(b)).unwrap().as_str(), sum, "{a} + {b}");
        assert_eq!(n(b).try_add(&n(a)).unwrap().as_str(), sum, "{b} + {a}");
        assert_eq!(n(sum).try_sub(&n(b)).unwrap(), n(a), "{sum} - {b}");
    }
    assert!(matches!(n("1e38").try_add(&n("0.1")), Err(NumberError::TooPrecise(_))));
    assert!(matches!(n("1e100").try_add(&n("1")), Err(NumberError::TooPrecise(_))));
    assert!(matches!(n("9e125").try_add(&n("9e125")), Err(NumberError::OutOfRange(_))));
}

#[test]
fn integers_and_floats_are_never_rounded() {
    assert_eq!(n("-1.0E2").to_int::<i8>().unwrap(), -100);
    assert_eq!(n("1").to_int::<u128>().unwrap(), 1);
    assert_eq!(n("300").to_int::<u8>().unwrap_err().to_string(), "300 is not an integer that fits u8");
    assert!(n("-1").to_int::<u64>().is_err() && n("0.5").to_int::<i64>().is_err());
    assert_eq!(n("0.1").to_f64().unwrap(), 0.1);
    assert!(n("0.12345678901234567890").to_f64().is_err());
    assert_eq!(Number::from_f64(-118.6671667).unwrap().as_str(), "-118.6671667");
    assert!(Number::from_f64(f64::NAN).is_err());
}

#[test]
fn messy_text_has_one_meaning_or_none() {
    for (text, number) in [
        ("1,234", "1234"),
        ("$-5", "-5"),
        ("-$5", "-5"),
        ("( 1.50 )", "-1.5"),
        ("12,345,678.9", "12345678.9"),
        ("-0", "0"),
        ("0012", "12"),
        ("1e3", "1000"),
    ] {
        assert_eq!(Number::parse_messy(text).unwrap().as_str(), number, "{text}");
    }
    for text in ["12,34", "1,2345", ",123", "1,,234", "0,123", "--5", "-$-5", "(-5)", "1 234", "5%", "$$5", "Unknown", "1.5,000"]
    {
        assert!(Number::parse_messy(text).is_err(), "{text}");
    }
}
