package browser

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Profile is a folder for one run of a browser.
type Profile struct{ Dir string }

// profilePrefix begins the names of profiles; the number of the process that
// made one follows.
const profilePrefix = "profile-"

// ProfilesFolder is where the profiles of a program go: under confdir, and for a
// program in a snap, which sees no hidden folders of the home, in the snap's own.
func ProfilesFolder(confdir, home string, p Program) string {
	path := p.Path
	if to, err := filepath.EvalSymlinks(path); err == nil && strings.HasPrefix(to, "/snap/") {
		path = to
	}
	if rest, ok := strings.CutPrefix(path, "/snap/"); ok && home != "" {
		name, _, _ := strings.Cut(rest, "/")
		if name == "bin" {
			name = filepath.Base(path)
		}
		return filepath.Join(home, "snap", name, "common", "midstream")
	}
	return filepath.Join(confdir, "browser")
}

// NewProfile makes an empty profile, for this user only, and removes those whose
// midstream is gone without having done so.
func NewProfile(folder string) (Profile, error) {
	folder, err := filepath.Abs(folder)
	if err == nil {
		err = os.MkdirAll(folder, 0o700)
	}
	if err != nil {
		return Profile{}, fmt.Errorf("make a profile: %w", err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return Profile{}, fmt.Errorf("make a profile: %w", err)
	}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), profilePrefix)
		number, _, _ := strings.Cut(rest, "-")
		pid, err := strconv.Atoi(number)
		if ok && err == nil && e.IsDir() && pid > 0 && pid != os.Getpid() && !lives(pid) {
			os.RemoveAll(filepath.Join(folder, e.Name())) // the next start tries again
		}
	}
	dir, err := os.MkdirTemp(folder, profilePrefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return Profile{}, fmt.Errorf("make a profile: %w", err)
	}
	return Profile{dir}, nil
}

// Remove removes the profile. Processes of the browser may outlive it for a
// moment and write on; they get a second to end.
func (p Profile) Remove() error {
	const pause, tries = 100 * time.Millisecond, 10
	err := os.RemoveAll(p.Dir)
	for n := 1; n < tries && (err != nil || exists(p.Dir)); n++ {
		time.Sleep(pause)
		err = os.RemoveAll(p.Dir)
	}
	if err == nil && exists(p.Dir) {
		err = errors.New("the browser still writes into it")
	}
	if err != nil {
		return fmt.Errorf("remove the profile %s: %w", p.Dir, err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
