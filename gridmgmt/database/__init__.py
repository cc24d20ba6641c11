"""The database (数据库): its server, tables and migrations, the transaction of a use case, the one merge of facts."""
