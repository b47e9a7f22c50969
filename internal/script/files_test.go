package script

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Scripts write files, as many as they may have open, and are told what does not work.
func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := newRig(t, "s.js", fmt.Sprintf(`
const dir = %q;
const tried = (f) => { try { f(); return "fine"; } catch (e) { return e.message; } };
export function load() {
  const a = files.create(dir + "/a");
  a.write("text and ");
  a.write(bytes.from("octets\xff"));
  a.close();
  a.close();
  const more = files.append(dir + "/a");
  more.write("!");
  more.close();
  console.log(tried(() => a.write("late")));
  console.log(tried(() => more.write(1)));
  console.log(tried(() => files.create()));
  console.log(tried(() => files.create(dir)));
  const left = [];
  console.log(tried(() => { for (let i = 0; i < 300; i++) left.push(files.create(dir + "/" + i)); }));
  console.log(left.length, left[0].path === dir + "/0");
}
export function request(flow) {}
`, dir))
	r.host.Close()
	if p, err := os.ReadFile(filepath.Join(dir, "a")); string(p) != "text and octets\xc3\xbf!" || err != nil {
		t.Errorf("written %q, %v", p, err)
	}
	said := r.out.String()
	for _, want := range []string{"file already closed", "write takes bytes or a string, not", "files.create takes a path", "is a directory", "the script has 256 files open already", "256 true"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %q", want, said)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "a")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}
