"""Jobs of several questions: their teachers and labels side by side, one student with a head per question."""
