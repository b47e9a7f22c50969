package body

import "golang.org/x/sys/windows"

// freeDisk returns the bytes that a user may still write where dir lies.
func freeDisk(dir string) (free int64, known bool) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, false
	}
	var n uint64
	if err := windows.GetDiskFreeSpaceEx(p, &n, nil, nil); err != nil {
		return 0, false
	}
	return int64(n), true
}
