package option

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// units are the suffixes of a size; each is 1024 times the one before.
const units = "bkmgt"

var (
	errNotSize = errors.New("not a size")
	errTooBig  = errors.New("too big")
)

// ParseSize reads a whole number of octets with an optional suffix b, k, m, g
// or t in either case, each 1024 times the one before: "3m" is 3145728.
func ParseSize(s string) (int64, error) {
	if s == "" {
		return 0, errNotSize
	}
	shift := uint(0)
	if i := strings.IndexByte(units, s[len(s)-1]|0x20); i >= 0 {
		shift = uint(10 * i)
		s = s[:len(s)-1]
	}
	if !digits(s) {
		return 0, errNotSize
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > math.MaxInt64>>shift {
		return 0, errTooBig
	}
	return n << shift, nil
}

// FormatSize writes n as ParseSize reads it, with the largest suffix that
// leaves a whole number: 3145728 is "3m", 1000 is "1000".
func FormatSize(n int64) string {
	i := 0
	for n != 0 && n%1024 == 0 && i < len(units)-1 {
		n /= 1024
		i++
	}
	if i == 0 {
		return strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10) + units[i:i+1]
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
