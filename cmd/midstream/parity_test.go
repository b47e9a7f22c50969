package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"midstream/internal/addons"
	"midstream/internal/option"
	"midstream/internal/rule"
)

// The commands and kinds of rules that stand in the place of mitmproxy's addons and
// commands are there.
func TestWhatStandsInForMitmproxyIsThere(t *testing.T) {
	root := newRootCmd(&env{})
	command := regexp.MustCompile("`midstream ([a-z]+(?: [a-z]+)?)")
	kinds := addons.Kinds()
	for _, row := range slices.Concat(option.MitmproxyAddons(), option.MitmproxyCommands()) {
		for _, m := range command.FindAllStringSubmatch(row.Note, -1) {
			words := strings.Fields(m[1])
			if found, rest, err := root.Find(words); err != nil || found == root || len(rest) > 0 {
				t.Errorf("%s: there is no command midstream %s", row.Name, m[1])
			}
		}
		if strings.Contains(row.Note, "a kind of rule, too") {
			name := map[string]string{"blocklist": "block_list"}[row.Name]
			if name == "" {
				name = row.Name
			}
			if !slices.ContainsFunc(kinds, func(k rule.Kind) bool { return k.Name == name }) {
				t.Errorf("there is no kind of rule %s", name)
			}
		}
	}
}
