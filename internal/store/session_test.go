package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Sessions without a name go when they have been kept long enough, live ones
// never, and only files that are midstream's are removed.
func TestPrune(t *testing.T) {
	conf := t.TempDir()
	make := func(keep time.Duration) *Store {
		s, err := Create(conf, keep, Config{})
		if err != nil {
			t.Fatal(err)
		}
		recordBody(s, 100)
		return s
	}
	short, long, live, mixed := make(time.Hour), make(1000*time.Hour), make(0), make(time.Hour)
	defer live.Close()
	for _, s := range []*Store{short, long, mixed} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	own := filepath.Join(mixed.Dir(), "notes.txt")
	if err := os.WriteFile(own, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if removed, err := Prune(conf, time.Now(), 0); err != nil || len(removed) != 0 {
		t.Fatalf("now: %v, %v", removed, err)
	}
	removed, err := Prune(conf, time.Now().Add(2*time.Hour), 0)
	if err == nil || !strings.Contains(err.Error(), mixed.Dir()) || len(removed) != 1 || removed[0].Dir != short.Dir() {
		t.Fatalf("in two hours: %v, %v", removed, err)
	}
	if _, err := os.Stat(short.Dir()); !gone(err) {
		t.Fatalf("the folder is still there: %v", err)
	}
	if p, err := os.ReadFile(own); err != nil || string(p) != "mine" {
		t.Fatalf("a file of the user: %q, %v", p, err)
	}
	left, err := Sessions(conf)
	if err != nil || len(left) != 2 {
		t.Fatalf("%v, %v", left, err)
	}
	for _, s := range left {
		if s.Live != (s.Dir == live.Dir()) || s.Size == 0 {
			t.Errorf("%+v", s)
		}
	}
}

func TestLiveFiles(t *testing.T) {
	conf := t.TempDir()
	s, err := Create(conf, 0, Config{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := Announce(conf, s.Meta().ID, Live{Session: s.Dir(), Listeners: []string{"127.0.0.1:8080"}})
	if err != nil {
		t.Fatal(err)
	}
	// A process that is gone, one that is another program now, and no JSON.
	for name, text := range map[string]string{
		"a.json": `{"schema":1,"pid":999999999,"session":"/x"}`,
		"b.json": `{"schema":1,"pid":1,"session":"` + t.TempDir() + `"}`,
		"c.json": `{`,
	} {
		if err := os.WriteFile(filepath.Join(liveFolder(conf), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	live, err := LiveProcesses(conf)
	if err != nil || len(live) != 1 || live[0].Session != s.Dir() || live[0].PID != os.Getpid() {
		t.Fatalf("%+v, %v", live, err)
	}
	if dir, why, err := Choose(conf, ""); err != nil || dir != s.Dir() || !strings.Contains(why, "live") {
		t.Fatalf("%s, %s, %v", dir, why, err)
	}
	if err := l.Withdraw(); err != nil {
		t.Fatal(err)
	}
	if live, _ := LiveProcesses(conf); len(live) != 0 {
		t.Fatalf("%+v", live)
	}
	s.Close()
	if err := Remove(s.Dir()); err != nil {
		t.Fatal(err)
	}
}

func TestPruneKeepsAllSessionsTogetherUnderABound(t *testing.T) {
	conf := t.TempDir()
	var dirs []string
	for i := range 3 {
		s, err := Create(conf, time.Hour, Config{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, s.Dir())
		age := time.Now().Add(time.Duration(i-3) * time.Minute)
		for _, p := range sessionFiles(s.Dir()) {
			os.Chtimes(p, age, age) // the lock may not be there
		}
		m, err := readMeta(s.Dir())
		if err != nil {
			t.Fatal(err)
		}
		m.Created = age
		if err := writeMeta(s.Dir(), m); err != nil {
			t.Fatal(err)
		}
		os.Chtimes(filepath.Join(s.Dir(), metaFile), age, age)
	}
	one, err := Inspect(dirs[0])
	if err != nil {
		t.Fatal(err)
	}
	removed, err := Prune(conf, time.Now(), 2*one.Size+one.Size/2)
	if err != nil || len(removed) != 1 || removed[0].Dir != dirs[0] {
		t.Fatalf("removed %v, %v, want the oldest only: %s", removed, err, dirs[0])
	}
}

func TestASessionThatCannotBeMadeSaysWhatToDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Create(file, 0, Config{})
	if err == nil || !strings.HasSuffix(err.Error(), "; give another folder with --session DIR") {
		t.Errorf("error %v", err)
	}
}
