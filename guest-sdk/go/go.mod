module drift-host.local/drift

go 1.24
