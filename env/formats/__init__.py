"""How data sets lie on disk, where several are stored alike: files that are streamed, looked up in or checked."""
