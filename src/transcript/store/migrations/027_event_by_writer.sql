-- What was written at once is found by its writer and numbers: nobody is given an event before its signature was checked.
CREATE INDEX event_by_writer ON event (writer, n);
