package auth

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/GehirnInc/crypt/apr1_crypt"
	"golang.org/x/crypto/bcrypt"
)

// maxFile bounds an htpasswd file.
const maxFile = 8 << 20

// Parse reads the option proxyauth: "user:password", "any" (whatever they say, but
// they must say something), or "@FILE", an htpasswd file with hashes of bcrypt, SHA
// or apr1. No error repeats a password or a hash.
func Parse(value string) (*Users, error) {
	switch name, isFile := strings.CutPrefix(value, "@"); {
	case value == "any":
		return newUsers(true, func(user, password string) bool { return user != "" || password != "" }), nil
	case isFile:
		return readFile(name)
	case strings.HasPrefix(value, "ldap:"), strings.HasPrefix(value, "ldaps:"):
		return nil, errors.New("users of a directory (ldap) are not there; write USER:PASSWORD, any, or @FILE of htpasswd")
	}
	user, password, ok := strings.Cut(value, ":")
	if !ok || user == "" || strings.ContainsAny(value, "\r\n\x00") {
		return nil, errors.New("it is written USER:PASSWORD, any, or @FILE of htpasswd")
	}
	return newUsers(true, func(u, p string) bool {
		sameUser, samePassword := same(u, user), same(p, password)
		return sameUser && samePassword
	}), nil
}

func readFile(name string) (*Users, error) {
	if name == "" {
		return nil, errors.New("there is no file name behind @")
	}
	info, err := os.Stat(name)
	if err == nil && (info.IsDir() || info.Size() > maxFile) {
		err = fmt.Errorf("%s is not an htpasswd file", name)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, err
	}
	hashes, err := parseFile(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(hashes) == 0 {
		return nil, fmt.Errorf("%s has no users", name)
	}
	return newUsers(false, func(user, password string) bool {
		hash, known := hashes[user]
		return known && fits(hash, password)
	}), nil
}

// parseFile reads lines of user:hash; of two lines for one user the first counts, as
// in Apache.
func parseFile(text []byte) (map[string]string, error) {
	hashes := make(map[string]string)
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		user, hash, ok := strings.Cut(line, ":")
		if !ok || user == "" {
			return nil, fmt.Errorf("line %d is not USER:HASH", n)
		}
		if !understood(hash) {
			return nil, fmt.Errorf("line %d, user %q: the hash is not one of bcrypt ($2y$), SHA ({SHA}) or apr1 ($apr1$): make it with htpasswd -B", n, user)
		}
		if _, twice := hashes[user]; !twice {
			hashes[user] = hash
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return hashes, nil
}

// maxCost bounds the work that a file may ask for: a hash of cost 31 takes days.
const maxCost = 16

func understood(hash string) bool {
	switch {
	case strings.HasPrefix(hash, "$2"):
		cost, err := bcrypt.Cost([]byte(hash))
		return err == nil && cost <= maxCost && len(hash) == 60
	case strings.HasPrefix(hash, shaPrefix):
		sum, err := base64.StdEncoding.DecodeString(hash[len(shaPrefix):])
		return err == nil && len(sum) == sha1.Size
	case strings.HasPrefix(hash, apr1Prefix):
		salt, sum, ok := strings.Cut(hash[len(apr1Prefix):], "$")
		return ok && salt != "" && len(salt) <= 8 && len(sum) == 22
	}
	return false
}

const (
	shaPrefix  = "{SHA}"
	apr1Prefix = "$apr1$"
)

// fits tells whether a password has a hash.
func fits(hash, password string) bool {
	switch {
	case strings.HasPrefix(hash, "$2"):
		p := []byte(password)
		return bcrypt.CompareHashAndPassword([]byte(hash), p[:min(len(p), 72)]) == nil // htpasswd cuts there, too
	case strings.HasPrefix(hash, shaPrefix):
		sum := sha1.Sum([]byte(password))
		return same(hash[len(shaPrefix):], base64.StdEncoding.EncodeToString(sum[:]))
	}
	return len(password) <= maxPassword && apr1_crypt.New().Verify(hash, []byte(password)) == nil
}

// maxPassword bounds the work of apr1, which grows with the password.
const maxPassword = 1024
