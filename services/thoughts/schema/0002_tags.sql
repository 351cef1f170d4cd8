-- The tags of a thought are known from its row, and with them the rows here.
DROP INDEX thought_tags_thought;
