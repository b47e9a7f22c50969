package main

import (
	"os"
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

// Every kind of rule has a page, which the page about rules leads to.
func TestEveryKindOfRuleHasItsPage(t *testing.T) {
	index, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range addons.Kinds() {
		_, after, ok := strings.Cut(string(index), "[`"+k.Name+"`](")
		page, _, _ := strings.Cut(after, ")")
		text, err := os.ReadFile("../../docs/" + page)
		if !ok || err != nil || !strings.Contains(string(text), k.Name) || !strings.Contains(string(text), "    midstream") {
			t.Errorf("%s has no page with a command: %v", k.Name, err)
		}
	}
}
