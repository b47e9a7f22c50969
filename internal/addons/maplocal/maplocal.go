package maplocal

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/pattern"
	"midstream/internal/rule"
)

// Kind is the kind of rule.
var Kind = rule.Kind{Name: "map_local", Option: "map_local", Brief: "answer from a file or a folder",
	Params: []rule.Param{
		{Name: "url", Required: true, Help: "a regular expression that is searched for in the URL"},
		{Name: "path", Required: true, Help: "a file, or a folder: then what is behind the match, or what the first group has caught, is looked for below it"},
	}}

// Spec reads a value of the option: [|FILTER]|URL-REGEX|PATH.
func Spec(value string) (rule.Rule, error) {
	filter, parts, err := rule.Split(value, 2)
	if err != nil {
		return rule.Rule{}, err
	}
	return rule.Rule{When: filter, Params: map[string]string{"url": parts[0], "path": parts[1]}}, nil
}

// Addon runs rules of the kind.
type Addon struct {
	rules  *rule.List
	files  []local // of the rules
	server string
}

type local struct {
	*rule.Rule
	url    *pattern.Substitution
	folder string // that nothing outside of is read
	file   string // in folder, "" for all of it
}

// New makes the addon; errors are those of one rule.
func New(rules []*rule.Rule, env rule.Env) (any, error) {
	a := &Addon{rules: rule.NewList(rules), server: env.Server}
	for _, r := range rules {
		sub, err := pattern.NewSubstitution(r.Params["url"], 0, "")
		if err != nil {
			return nil, r.FaultOf("url", "url: %w", err)
		}
		l := local{Rule: r, url: sub, folder: rule.Expand(r.Params["path"], env.Home)}
		st, err := os.Stat(l.folder)
		if err != nil {
			return nil, r.FaultOf("path", "path: %w", err)
		}
		if !st.IsDir() {
			l.folder, l.file = filepath.Split(l.folder)
			if l.folder == "" {
				l.folder = "."
			}
		}
		a.files = append(a.files, l)
	}
	return a, nil
}

// Name implements hook.Named.
func (*Addon) Name() string { return Kind.Name }

// RequestHeaders implements hook.RequestHeadersHook.
func (a *Addon) RequestHeaders(_ context.Context, x *hook.Exchange) error {
	if x.Response != nil {
		return nil
	}
	f := rule.Picture(x)
	address := x.Request.DisplayURL()
	var missed *local
	var tried []string
	var failed error
	a.rules.Each(f, func(i int, r *rule.Rule) rule.Step {
		if !r.Matches(f) {
			return rule.Next
		}
		l := &a.files[i]
		names, ok, err := l.names(address)
		if err != nil {
			failed = fmt.Errorf("rule %q: %w", r.Name, err)
			return rule.Stop
		}
		if !ok {
			return rule.Next
		}
		for _, name := range names {
			o, err := open(l.folder, name)
			if err != nil {
				continue
			}
			x.Response = o.answer(&x.Request.Request, a.server)
			x.Find("map-local", fmt.Sprintf("rule %q answered from %s", r.Name, filepath.Join(l.folder, name)))
			l.Hit()
			return rule.Stop
		}
		missed, tried = l, append(tried, names...)
		return rule.Next
	})
	if failed != nil || x.Response != nil {
		return failed
	}
	if missed == nil {
		return nil
	}
	x.Find("map-local", fmt.Sprintf("rule %q found no file below %s: %s", missed.Name, missed.folder, strings.Join(tried[:min(len(tried), 4)], ", ")))
	missed.Hit()
	var fields flow.Fields
	if a.server != "" {
		fields.Add("Server", a.server)
	}
	x.Response = hook.MakeResponse(404, fields, nil)
	return nil
}

var unsafe = regexp.MustCompile(`[^0-9a-zA-Z\-_.=(),/]`)

// names are the files to look for, in their order, relative to the folder. ok
// tells that the pattern is in the URL.
func (l *local) names(address string) (names []string, ok bool, err error) {
	m, ok, err := l.url.Find(address)
	if err != nil || !ok {
		return nil, false, err
	}
	if l.file != "" {
		return []string{l.file}, true, nil
	}
	rest := address[m.End:]
	if m.Grouped {
		rest = m.First
	}
	rest, _, _ = strings.Cut(rest, "?")
	rest = strings.Trim(rest, "/")
	if rest == "" {
		return []string{"index.html"}, true, nil
	}
	if decoded, err := url.PathUnescape(rest); err == nil {
		rest = decoded
	}
	for _, name := range []string{rest, unsafe.ReplaceAllString(rest, "_")} {
		if clean := path.Clean(name); filepath.IsLocal(filepath.FromSlash(clean)) && !strings.Contains(name, "\x00") {
			if len(names) == 0 || names[0] != clean {
				names = append(names, clean, path.Join(clean, "index.html"))
			}
		}
	}
	return names, true, nil
}
