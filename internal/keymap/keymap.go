package keymap

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// FileName is the file in the configuration folder that gives verbs other keys: a
// mapping from ids to a key or a list of keys.
const FileName = "keys.yaml"

// Verb is one thing that a front end does.
type Verb struct {
	ID string `json:"id"`
	// Keys are named as KeyboardEvent.key has them, with Ctrl+ in front of those with
	// that key held down; none where it has no key.
	Keys []string `json:"keys"`
	// Says what it does, in a few words.
	Says string `json:"says"`
	// Where it is: everywhere, list, flow or intercept.
	Where string `json:"where"`
	// Own tells that the keys are the user's.
	Own bool `json:"own,omitempty"`
}

//go:embed keys.json
var builtin []byte

// Builtin are the verbs with the keys that they have without a file.
func Builtin() ([]Verb, error) {
	var list []Verb
	if err := json.Unmarshal(builtin, &list); err != nil {
		return nil, fmt.Errorf("read the built-in keys: %w", err)
	}
	return list, nil
}

// maxFile bounds the file, in octets; maxKeys bounds the keys of a verb.
const (
	maxFile = 64 << 10
	maxKeys = 16
)

// Load returns the verbs with the keys that the file at path gives them; one that is
// not there gives none. With an error come the built-in ones.
func Load(path string) ([]Verb, error) {
	list, err := Builtin()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return list, nil
	}
	if err != nil {
		return list, fmt.Errorf("read the keys: %w", err)
	}
	own, err := parse(text)
	if err == nil {
		var with []Verb
		if with, err = apply(list, own); err == nil {
			return with, nil
		}
	}
	return list, fmt.Errorf("%s: %w", path, err)
}

// parse reads a file: keys by verb.
func parse(text []byte) (map[string][]string, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("it has more than %d octets", maxFile)
	}
	var raw map[string]any
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&raw); err != nil && len(bytes.TrimSpace(text)) > 0 {
		return nil, errors.New(strings.Join(strings.Fields(yaml.FormatError(err, false, false)), " "))
	}
	own := make(map[string][]string, len(raw))
	for id, value := range raw {
		keys := []string{}
		switch v := value.(type) {
		case nil:
		case string:
			keys = append(keys, v)
		case []any:
			for _, one := range v {
				key, ok := one.(string)
				if !ok {
					return nil, fmt.Errorf("%s: write %v in quotes: a key is a text", id, one)
				}
				keys = append(keys, key)
			}
		default:
			return nil, fmt.Errorf("%s: write %v in quotes: give a key or a list of keys", id, v)
		}
		if len(keys) > maxKeys {
			return nil, fmt.Errorf("%s: it has more than %d keys", id, maxKeys)
		}
		own[id] = keys
	}
	return own, nil
}

// apply gives verbs their own keys. A key that another verb had goes over to the
// verb that the file gives it to; a key for two verbs of the file is an error.
func apply(list []Verb, own map[string][]string) ([]Verb, error) {
	taken := make(map[string]string)
	with := make([]Verb, 0, len(list))
	for _, v := range list {
		if keys, there := own[v.ID]; there {
			for _, key := range keys {
				if key == "" || len(key) > 32 {
					return nil, fmt.Errorf("%s: %q is no key", v.ID, key)
				}
				if other, twice := taken[key]; twice && other != v.ID {
					return nil, fmt.Errorf("%q is the key of %s and of %s: take it from one of them", key, other, v.ID)
				}
				taken[key] = v.ID
			}
			v.Keys, v.Own = keys, true
		}
		with = append(with, v)
	}
	for id := range own {
		if !slices.ContainsFunc(list, func(v Verb) bool { return v.ID == id }) {
			return nil, fmt.Errorf("there is no %q: GET /api/v1/keymap lists what there is", id)
		}
	}
	for i, v := range with {
		if !v.Own {
			with[i].Keys = slices.DeleteFunc(slices.Clone(v.Keys), func(key string) bool { return taken[key] != "" })
		}
	}
	return with, nil
}
