package instance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"midstream/internal/addons"
	"midstream/internal/format"
	"midstream/internal/option"
	"midstream/internal/query"
	"midstream/internal/replay"
	"midstream/internal/rule"
)

// rulePoll is how often the file of rules is looked at for a change.
const rulePoll = time.Second

// ruleOptions are the options that rules are made of, or read by.
var ruleOptions = []string{
	"rules", "modify_headers", "modify_body", "modify_body_window", "map_remote", "map_local", "block_list", "anticache", "anticomp",
	"stickyauth", "stickycookie", "mock", "strip_h3", "strip_ech", "fault", "fault_seed",
}

// rules is the list in force. Its methods may be called at once.
type rules struct {
	mu    sync.Mutex
	list  []*rule.Rule
	addon addons.Built
	stamp fileStamp
	told  uint64 // the seed that the log has, and 1; 0 for none
	seed  uint64 // of this run, where none was given
	fault error  // what keeps the file from being in force, nil for nothing
	tell  func() // is called when the list has changed, or fault has; nil for nobody

	memory  rule.Memory
	editing sync.Mutex // held while the file is changed
}

// ruleSource is where rules come from.
type ruleSource struct {
	opts *option.Registry
	file string
	c    query.Case
	env  rule.Env
}

// fileStamp is what tells that a file has changed.
type fileStamp struct {
	size int64
	time time.Time
}

func stampOf(path string) fileStamp {
	st, err := os.Stat(path)
	if err != nil {
		return fileStamp{size: -1}
	}
	return fileStamp{st.Size(), st.ModTime()}
}

// RulesFile is where the rules of o are read from.
func RulesFile(o *option.Registry) string {
	if path := o.Path("rules"); path != "" {
		return path
	}
	return filepath.Join(o.Path("confdir"), rule.FileName)
}

func (in *Instance) ruleSource() ruleSource {
	in.rules.mu.Lock()
	if in.rules.seed == 0 {
		in.rules.seed = 1 + rand.Uint64N(1<<32)
	}
	seed := in.rules.seed
	in.rules.mu.Unlock()
	if v, ok := in.opts.Lookup("fault_seed"); ok && v.Value != nil {
		seed = uint64(v.Value.(int64))
	}
	return ruleSource{opts: in.opts, file: RulesFile(in.opts), c: in.cfg.Case, env: rule.Env{
		Home: in.opts.Home, Log: in.log, Window: in.opts.Size("modify_body_window"), Server: in.cfg.Version, Seed: seed, Memory: &in.rules.memory,
		StandIn: func(it *format.Item, speed float64) any { return replay.StandIn(it, replay.Speed(speed)) },
	}}
}

// Rules reads the rules that o asks for, those of options first.
func Rules(o *option.Registry, c query.Case) ([]*rule.Rule, error) {
	return ruleSource{opts: o, file: RulesFile(o), c: c}.read()
}

func (s ruleSource) read() ([]*rule.Rule, error) {
	made, err := addons.FromOptions(func(name string) []string { return values(s.opts, name) })
	if err != nil {
		return nil, err
	}
	var list []*rule.Rule
	for _, r := range made {
		ready, err := rule.New(r, addons.Kinds(), s.c)
		if err != nil {
			return nil, err
		}
		list = append(list, ready)
	}
	if s.opts.Path("rules") != "" {
		if _, err := os.Stat(s.file); err != nil {
			return nil, usage("option rules: %w", err)
		}
	}
	of, err := rule.ReadFile(s.file, addons.Kinds(), s.c)
	return append(list, of...), err
}

// values are those of an option that makes rules.
func values(o *option.Registry, name string) []string {
	v, ok := o.Lookup(name)
	if !ok {
		return nil
	}
	switch v := v.Value.(type) {
	case []string:
		return v
	case bool:
		if v {
			return []string{""}
		}
	case string:
		if v != "" {
			return []string{v}
		}
	}
	return nil
}

// load reads everything anew. On an error the list stays as it was.
func (r *rules) load(s ruleSource) error {
	err := r.take(s)
	r.mu.Lock()
	r.fault = err
	tell := r.tell
	r.mu.Unlock()
	if tell != nil {
		tell()
	}
	return err
}

func (r *rules) take(s ruleSource) error {
	stamp := stampOf(s.file) // before it is read: a change meanwhile is seen next
	list, err := s.read()
	if err == nil {
		var built addons.Built
		if built, err = addons.Build(list, s.env); err == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			rule.Keep(list, r.list)
			r.list, r.addon, r.stamp = list, built, stamp
			if len(rule.Of(list, "fault")) > 0 && r.told != s.env.Seed+1 {
				r.told = s.env.Seed + 1
				s.env.Logger().Info(fmt.Sprintf("traffic is broken on purpose: chance goes by fault_seed=%d", s.env.Seed))
			}
			return nil
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stamp = stamp
	return err
}

func (r *rules) built() addons.Built {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.addon
}

// Rules is the list in force, with its counts.
func (in *Instance) Rules() []*rule.Rule {
	in.rules.mu.Lock()
	defer in.rules.mu.Unlock()
	return in.rules.list
}

// RulesFile is the file of rules, and what keeps it from being in force as it is
// now, nil for nothing.
func (in *Instance) RulesFile() (path string, fault error) {
	in.rules.mu.Lock()
	defer in.rules.mu.Unlock()
	return RulesFile(in.opts), in.rules.fault
}

// RuleEnv is what rules are made with.
func (in *Instance) RuleEnv() rule.Env { return in.ruleSource().env }

// TellRules has f called whenever the list of rules, or the fault of its file, may
// have changed; nil is nobody. f must not wait.
func (in *Instance) TellRules(f func()) {
	in.rules.mu.Lock()
	defer in.rules.mu.Unlock()
	in.rules.tell = f
}

// EditRules changes the file of rules and takes it up at once. A rule that could
// not be in force is not written. Errors are those of edit, of rule.Document, or an
// *rule.Error.
func (in *Instance) EditRules(edit func(*rule.Document) error) error {
	in.rules.editing.Lock()
	defer in.rules.editing.Unlock()
	s := in.ruleSource()
	d, err := rule.Open(s.file, addons.Kinds(), s.c)
	if err != nil {
		return err
	}
	if err := edit(d); err != nil {
		return err
	}
	if _, err := addons.Build(d.Rules(), s.env); err != nil {
		return err
	}
	if err := d.Save(); err != nil {
		return err
	}
	if err := in.rules.load(s); err != nil {
		return err
	}
	in.rebuild()
	return nil
}

// changeRules takes changed options up.
func (in *Instance) changeRules(changed []string) error {
	if !slices.ContainsFunc(changed, func(name string) bool { return slices.Contains(ruleOptions, name) }) {
		return nil
	}
	if err := in.rules.load(in.ruleSource()); err != nil {
		return err
	}
	in.rebuild()
	return nil
}

// watchRules loads the file anew when it has changed, until the instance closes.
func (in *Instance) watchRules() {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	in.cancel = append(in.cancel, func() { stop(); <-ended })
	go func() {
		defer close(ended)
		tick := time.NewTicker(rulePoll)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				in.lookAtRules()
			case <-ctx.Done():
				return
			}
		}
	}()
}

func (in *Instance) lookAtRules() {
	s := in.ruleSource()
	in.rules.mu.Lock()
	same := in.rules.stamp == stampOf(s.file)
	in.rules.mu.Unlock()
	if same {
		return
	}
	if err := in.rules.load(s); err != nil {
		in.log.Error("the rules stay as they were: " + err.Error())
		return
	}
	in.rebuild()
	in.log.Info("rules loaded", "file", s.file, "rules", len(in.Rules()))
}
