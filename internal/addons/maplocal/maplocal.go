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
	"midstream/internal/query"
	"midstream/internal/rule"
)

// Kind is the kind of rule.
var Kind = rule.Kind{Name: "map_local", Option: "map_local", Brief: "answer from a file or a folder", Late: true,
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
	late   rule.Late
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

// Observe implements hook.Observer: a body is held where a filter asks for it.
func (*Addon) Observe() bool { return true }

// Wants implements hook.Selective.
func (a *Addon) Wants() hook.Events {
	if a.rules.Late() {
		return hook.OnRequestHeaders | hook.OnRequest
	}
	return hook.OnRequestHeaders
}

// RequestHeaders implements hook.RequestHeadersHook.
func (a *Addon) RequestHeaders(ctx context.Context, x *hook.Exchange) error {
	if x.Response != nil {
		return nil
	}
	s := search{Addon: a, x: x}
	f := rule.Picture(x)
	a.rules.Each(f, func(i int, r *rule.Rule) rule.Step {
		if a.late.Means(ctx, x, f, flow.ToServer, i, r) == query.Yes {
			s.look(&a.files[i])
		}
		if s.failed != nil || x.Response != nil {
			return rule.Stop
		}
		return rule.Next
	})
	return s.end()
}

// Request implements hook.RequestHook.
func (a *Addon) Request(ctx context.Context, x *hook.Exchange) error {
	if x.Response != nil {
		return nil
	}
	s := search{Addon: a, x: x}
	for _, i := range a.late.Decide(ctx, x, flow.ToServer, a.rules) {
		if s.failed == nil && x.Response == nil {
			s.look(&a.files[i])
		}
	}
	return s.end()
}

// search looks for the file that answers x.
type search struct {
	*Addon
	x      *hook.Exchange
	missed *local   // a rule that has found none
	tried  []string // where
	failed error
}

// look answers from what one rule finds.
func (s *search) look(l *local) {
	names, ok, err := l.names(s.x.Request.DisplayURL())
	if err != nil {
		s.failed = fmt.Errorf("rule %q: %w", l.Name, err)
	}
	if !ok {
		return
	}
	for _, name := range names {
		o, err := open(l.folder, name)
		if err != nil {
			continue
		}
		s.x.Response = o.answer(&s.x.Request.Request, s.server)
		s.x.Find("map-local", fmt.Sprintf("rule %q answered from %s", l.Name, filepath.Join(l.folder, name)))
		l.Hit()
		return
	}
	s.missed, s.tried = l, append(s.tried, names...)
}

// end answers where a rule means the request and nothing was found.
func (s *search) end() error {
	if s.failed != nil || s.x.Response != nil || s.missed == nil {
		return s.failed
	}
	s.x.Find("map-local", fmt.Sprintf("rule %q found no file below %s: %s", s.missed.Name, s.missed.folder, strings.Join(s.tried[:min(len(s.tried), 4)], ", ")))
	s.missed.Hit()
	var fields flow.Fields
	if s.server != "" {
		fields.Add("Server", s.server)
	}
	s.x.Response = hook.MakeResponse(404, fields, nil)
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
