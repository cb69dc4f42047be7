package main

import (
	"cmp"
	"runtime/debug"

	"ecs-api/api"
)

// buildVersion returns which build this is: what the Makefile said, else what Go recorded.
func buildVersion() api.Version {
	var revision, stamp string
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.time":
				stamp = s.Value
			}
		}
	}
	return api.Version{
		Version:    cmp.Or(version, "dev"),
		GitHash:    cmp.Or(githash, revision, "unknown"),
		BuildStamp: cmp.Or(buildstamp, stamp, "unknown"),
	}
}
