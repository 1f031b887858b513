"""The only SQL, Redis and object storage: stores, the journal, migrations, embedded servers."""
