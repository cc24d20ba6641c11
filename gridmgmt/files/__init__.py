"""Files (文件): any table, form or data file in, worksheets out, and the words they are written in."""
