package drift

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Number is a DynamoDB number as decimal text: exact, up to 38 significant digits, never a float.
type Number string

// Num checks the text of a number: digits, with an optional sign, point and exponent.
func Num(text string) (Number, error) {
	digits, exponent, ok := parts(text)
	if !ok {
		return "", fmt.Errorf("%q is not a decimal number", text)
	}
	if len(digits) > 38 {
		return "", fmt.Errorf("%q has more than 38 significant digits, which is what DynamoDB keeps", text)
	}
	if digits != "" && (exponent < -130 || exponent > 125) {
		return "", fmt.Errorf("%q is outside of DynamoDB's range (1E-130 to 9.99E+125, and zero)", text)
	}
	return Number(text), nil
}

// MustNum is Num for texts that are known to be numbers; it panics at others.
func MustNum(text string) Number {
	number, err := Num(text)
	if err != nil {
		panic(err)
	}
	return number
}

// Int gives a whole number; an error if it is none, or too large.
func (n Number) Int() (int64, error) {
	rational, ok := new(big.Rat).SetString(string(n))
	if !ok || !rational.IsInt() || !rational.Num().IsInt64() {
		return 0, fmt.Errorf("the number %s is not a whole number of 64 bits", n)
	}
	return rational.Num().Int64(), nil
}

// Rat gives the exact value, to reckon with.
func (n Number) Rat() (*big.Rat, error) {
	rational, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return nil, fmt.Errorf("%q is not a decimal number", string(n))
	}
	return rational, nil
}

// Equal says whether two numbers have one value: 1, 1.0 and 10E-1 do.
func (n Number) Equal(other Number) bool {
	if n == other {
		return true
	}
	a, b := strings.HasPrefix(string(n), "-"), strings.HasPrefix(string(other), "-")
	digits, exponent, ok := parts(string(n))
	others, otherExponent, otherOk := parts(string(other))
	if !ok || !otherOk {
		return false
	}
	if digits == "" || others == "" {
		return digits == others
	}
	return a == b && digits == others && exponent == otherExponent
}

// parts gives the significant digits, without zeros at either end, and the power of ten of the first.
func parts(text string) (digits string, exponent int, ok bool) {
	rest := strings.TrimLeft(text, "+-")
	if len(text)-len(rest) > 1 {
		return "", 0, false
	}
	if at := strings.IndexAny(rest, "eE"); at >= 0 {
		parsed, err := strconv.Atoi(rest[at+1:])
		if err != nil {
			return "", 0, false
		}
		rest, exponent = rest[:at], parsed
	}
	whole, fraction, _ := strings.Cut(rest, ".")
	all := whole + fraction
	if all == "" || strings.Trim(all, "0123456789") != "" {
		return "", 0, false
	}
	significant := strings.TrimLeft(all, "0")
	exponent += len(whole) - 1 - (len(all) - len(significant))
	significant = strings.TrimRight(significant, "0")
	if significant == "" {
		return "", 0, true
	}
	return significant, exponent, true
}
