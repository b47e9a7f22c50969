package store

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SessionsFolder is where sessions without a name lie.
func SessionsFolder(confdir string) string { return filepath.Join(confdir, "sessions") }

func liveFolder(confdir string) string { return filepath.Join(confdir, "live") }

// DefaultKeep is how long a session without a name is kept after its last use.
const DefaultKeep = 24 * time.Hour

// Create makes a new session without a name under confdir and opens it. It is
// kept for keep after its last use; 0 removes it when it is closed, with Remove.
func Create(confdir string, keep time.Duration, cfg Config) (*Store, error) {
	m := newMeta(int64(max(0, keep) / time.Second))
	dir := filepath.Join(SessionsFolder(confdir), m.Created.Format("20060102-150405")+"-"+m.ID[:6])
	err := makeFolder(SessionsFolder(confdir))
	if err == nil {
		err = checkFileSystem(SessionsFolder(confdir))
	}
	if err == nil {
		err = makeFolder(dir)
	}
	if err == nil {
		err = writeMeta(dir, m)
	}
	if err != nil {
		return nil, fmt.Errorf("make a session in %s: %w; give another folder with --session DIR", SessionsFolder(confdir), err)
	}
	return Open(dir, cfg)
}

// Session is one session on disk.
type Session struct {
	Dir  string
	Meta Meta
	Used time.Time // when it was written last
	Live bool      // a process writes it
	Size int64     // octets on disk
}

// Expires is when the session may be removed; zero for never.
func (s Session) Expires() time.Time {
	if s.Meta.Keep < 0 {
		return time.Time{}
	}
	return s.Used.Add(time.Duration(s.Meta.Keep) * time.Second)
}

// Inspect looks at the session in dir.
func Inspect(dir string) (Session, error) {
	m, err := readMeta(dir)
	if err != nil {
		if gone(err) {
			err = errors.New("there is no session here")
		}
		return Session{}, fmt.Errorf("look at session %s: %w", dir, err)
	}
	s := Session{Dir: dir, Meta: m, Used: m.Created, Live: written(dir)}
	for _, p := range sessionFiles(dir) {
		info, err := os.Lstat(p)
		if err != nil {
			continue
		}
		s.Size += info.Size()
		if info.ModTime().After(s.Used) {
			s.Used = info.ModTime()
		}
	}
	return s, nil
}

// sessionFiles are the files of a session, as far as they are midstream's.
func sessionFiles(dir string) []string {
	files := append(indexFiles(dir), indexPath(dir)+".v1", indexPath(dir)+".old", indexPath(dir)+".old-wal", indexPath(dir)+".old-shm", filepath.Join(dir, metaFile), filepath.Join(dir, "lock"), tailPath(dir))
	for _, stream := range []uint8{headsStream, bodiesStream} {
		list, err := listSegments(dir, stream)
		if err != nil {
			continue
		}
		for _, seg := range list {
			files = append(files, segmentPath(dir, stream, seg.number))
		}
	}
	return files
}

// Sessions lists the sessions without a name under confdir, the newest first.
func Sessions(confdir string) ([]Session, error) {
	entries, err := os.ReadDir(SessionsFolder(confdir))
	if gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	var list []Session
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if s, err := Inspect(filepath.Join(SessionsFolder(confdir), e.Name())); err == nil {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Session) int { return cmp.Or(b.Used.Compare(a.Used), cmp.Compare(b.Dir, a.Dir)) })
	return list, nil
}

// Prune removes the sessions under confdir that have been kept long enough at
// the time now, also those of processes that were killed, and then the oldest
// of the others as long as all of them together take more than total octets
// (0 is no bound). It returns what it removed. Sessions that are being written
// stay, and count.
func Prune(confdir string, now time.Time, total int64) ([]Session, error) {
	list, err := Sessions(confdir)
	if err != nil {
		return nil, err
	}
	var sum int64
	for _, s := range list {
		sum += s.Size
	}
	var removed []Session
	var errs []error
	for _, s := range slices.Backward(list) { // the oldest first
		end := s.Expires()
		over := total > 0 && sum > total
		if s.Live || end.IsZero() || now.Before(end) && !over {
			continue
		}
		if err := Remove(s.Dir); err != nil {
			errs = append(errs, err)
			continue
		}
		sum -= s.Size
		removed = append(removed, s)
	}
	return removed, errors.Join(errs...)
}

// Remove deletes a session that nobody writes. Only files that are midstream's
// go; a folder that holds others stays, with them.
func Remove(dir string) error {
	if _, err := readMeta(dir); err != nil {
		return fmt.Errorf("remove session %s: %w", dir, err)
	}
	lock, err := takeLock(dir)
	if err != nil {
		return fmt.Errorf("remove session %s: %w", dir, err)
	}
	defer lock.Close()
	var errs []error
	for _, p := range sessionFiles(dir) {
		if p == filepath.Join(dir, metaFile) || p == lock.Name() {
			continue // last, so that what is left is still a session
		}
		if err := os.Remove(p); err != nil && !gone(err) {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		lock.Close() // an open file cannot be removed everywhere
		for _, p := range []string{filepath.Join(dir, metaFile), lock.Name(),
			filepath.Join(dir, streamFolder(headsStream)), filepath.Join(dir, streamFolder(bodiesStream)), dir} {
			if err := os.Remove(p); err != nil && !gone(err) {
				errs = append(errs, err)
				break
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove session %s: %w", dir, err)
	}
	return nil
}

// Live is confdir/live/ID.json: where a running midstream is found.
type Live struct {
	Schema    int      `json:"schema"`
	PID       int      `json:"pid"`
	Session   string   `json:"session"` // folder; empty when nothing is recorded
	Listeners []string `json:"listeners"`
	// Proxies are those of the listeners that take plain requests and CONNECT.
	Proxies []string `json:"proxies,omitempty"`
	// Transparent are those of the listeners that a firewall may bring clients to, and
	// Marks tells that midstream's own traffic can be told from theirs.
	Transparent []string `json:"transparent,omitempty"`
	Marks       bool     `json:"marks,omitempty"`
	// LeafKey is the hash of the key that clients are shown, for a browser's pin.
	LeafKey string `json:"leaf_key,omitempty"`
	Web     string `json:"web,omitempty"`
	Control string `json:"control,omitempty"`

	path string
}

// Announce writes the file; remove it with Withdraw. A file of a process that
// is gone is removed on the way.
func Announce(confdir, id string, l Live) (Live, error) {
	if _, err := LiveProcesses(confdir); err != nil {
		return l, err
	}
	if err := makeFolder(liveFolder(confdir)); err != nil {
		return l, fmt.Errorf("announce the session: %w", err)
	}
	l.Schema, l.PID = 1, os.Getpid()
	if l.Listeners == nil {
		l.Listeners = []string{}
	}
	p, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return l, fmt.Errorf("announce the session: %w", err)
	}
	l.path = filepath.Join(liveFolder(confdir), filepath.Base(id)+".json")
	if err := writePrivate(l.path, append(p, '\n')); err != nil {
		return l, fmt.Errorf("announce the session: %w", err)
	}
	return l, nil
}

// Withdraw removes the file.
func (l Live) Withdraw() error {
	if l.path == "" {
		return nil
	}
	if err := os.Remove(l.path); err != nil && !gone(err) {
		return fmt.Errorf("withdraw the session: %w", err)
	}
	return nil
}

// LiveProcesses lists the running midstreams of this user. Files of processes
// that are gone are removed.
func LiveProcesses(confdir string) ([]Live, error) {
	entries, err := os.ReadDir(liveFolder(confdir))
	if gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list live sessions: %w", err)
	}
	var list []Live
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasSuffix(e.Name(), ".json") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(liveFolder(confdir), e.Name())
		l, err := readLive(path)
		if err != nil {
			continue
		}
		if !processLives(l.PID) || l.Session != "" && !written(l.Session) {
			os.Remove(path)
			continue
		}
		l.path = path
		list = append(list, l)
	}
	return list, nil
}

func readLive(path string) (Live, error) {
	var l Live
	f, err := os.Open(path)
	if err != nil {
		return l, err
	}
	defer f.Close()
	p, err := io.ReadAll(io.LimitReader(f, maxMeta))
	if err != nil {
		return l, err
	}
	if err := json.Unmarshal(p, &l); err != nil || l.PID <= 0 {
		return l, errors.New("not a live file")
	}
	return l, nil
}

// Choose finds the session that a reading command means: the one in dir where
// that is given, else the one live session, else the newest kept one. why says
// which it took and is empty for dir. Several live ones are an error that lists
// them.
func Choose(confdir, dir string) (chosen, why string, err error) {
	if dir != "" {
		return dir, "", nil
	}
	live, err := LiveProcesses(confdir)
	if err != nil {
		return "", "", err
	}
	live = slices.DeleteFunc(live, func(l Live) bool { return l.Session == "" })
	switch len(live) {
	case 0:
	case 1:
		return live[0].Session, "reading the live session " + live[0].Session, nil
	default:
		var b strings.Builder
		b.WriteString("several sessions are live; name one with --session:")
		for _, l := range live {
			b.WriteString("\n  --session " + l.Session + "  (process " + strconv.Itoa(l.PID))
			if len(l.Listeners) > 0 {
				b.WriteString(", listening on " + strings.Join(l.Listeners, ", "))
			}
			b.WriteString(")")
		}
		return "", "", errors.New(b.String())
	}
	list, err := Sessions(confdir)
	if err != nil {
		return "", "", err
	}
	if len(list) == 0 {
		return "", "", fmt.Errorf("there is no session under %s: record one with midstream dump, or name one with --session", SessionsFolder(confdir))
	}
	return list[0].Dir, "reading the newest session " + list[0].Dir, nil
}
