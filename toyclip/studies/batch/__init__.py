"""Does a larger batch teach more, and what does the temperature do? (chapter Batch size and temperature)"""
